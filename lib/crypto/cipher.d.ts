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
  /** Rejects with `ERR_SESSION_DECRYPT` where no secret opens it. */
  decrypt(storageId: string, stored: string | Uint8Array): Promise<Decrypted>
}

/** connect-mongo's interface, which knows nothing of storage ids. */
export interface CryptoAdapter {
  encrypt(plaintext: string): Promise<string> | string
  decrypt(ciphertext: string): Promise<string> | string
}
