// What encrypts sessions, wherever it comes from.

export interface Decrypted {
  /** What the serializer returned, or its JSON. */
  text: string
  /** Whether the serializer is known to have returned this very text. */
  isSerialized: boolean
  /** Whether it was stored in the format that is written today, under the newest secret. */
  isCurrent?: boolean
}

export interface Cipher {
  encrypt(storageId: string, text: string): Promise<string | Uint8Array>
  /** Rejects with `ERR_SESSION_DECRYPT` where no secret opens it. No key is derived for it once the signal is aborted. */
  decrypt(storageId: string, stored: string | Uint8Array, signal?: AbortSignal): Promise<Decrypted>
  /** Wipes the secrets and keys. */
  close?(): void
}
