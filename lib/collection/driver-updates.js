// The updates that write sessions over a JavaScript client, as core/src/document.rs makes them. Pure but for the time and handles.
'use strict'

const { newHandle } = require('./handles.js')

/**
 * @typedef {import('./port.js').Marks} Marks
 * @typedef {import('./port.js').Times} Times
 * @typedef {Record<string, any>} Update
 *
 * @typedef {object} Beside what a store keeps beside each session
 * @property {boolean} timestamps
 * @property {number} [maxLifetimeMs]
 */

/** @param {Beside} beside @param {Marks} [marks] @returns {Record<string, Date>} of these dates the older one stays */
function oldestOf({ maxLifetimeMs }, marks) {
  const isOld = marks?.isNewToIndex === false
  return {
    ...(maxLifetimeMs !== undefined && { createdAt: marks?.created ?? new Date() }),
    ...(isOld && { indexedAt: new Date() }),
  }
}

/** @param {string[]} pairs values, each behind its key */
function byKey(pairs) {
  /** @type {Record<string, string>} */
  const values = {}
  for (let at = 0; at < pairs.length; at += 2) values[pairs[at]] = pairs[at + 1]
  return values
}

/** @param {Marks} [marks] */
function fieldsOf(marks) {
  if (!marks) return {}
  const { index, description, isNewToIndex } = marks
  return {
    ...(index && { index: byKey(index) }),
    ...(description !== undefined && { description }),
    ...(isNewToIndex && { indexedAt: new Date() }),
  }
}

/** @param {Record<string, unknown>} fields @param {Beside} beside @param {Marks} [marks] @returns {Update} */
function updateOf(fields, beside, marks) {
  const $min = oldestOf(beside, marks)
  return {
    $set: { ...fields, ...fieldsOf(marks) },
    ...(Object.keys($min).length > 0 && { $min }),
    ...(beside.timestamps && { $currentDate: { updatedAt: true } }),
  }
}

/** The update of a session that exists. @param {Record<string, unknown>} fields @param {Times} times @param {Beside} beside @returns {Update} */
function changeOf(fields, { lastModified, marks }, beside) {
  return updateOf(lastModified ? { lastModified, ...fields } : fields, beside, marks)
}

/** The update of a session that is stored in another way, or has been changed. @param {unknown} session @param {Partial<Times>} times @param {Beside} beside @returns {Update} */
function replacementOf(session, { expires, lastModified, marks }, beside) {
  if (expires) return changeOf({ session, expires }, { expires, lastModified, marks }, beside)
  // Nothing is to say that it was written.
  return updateOf({ session }, { timestamps: false }, marks)
}

/** The update that writes a whole session. @param {string} storageId @param {unknown} session @param {Times} times @param {Beside} beside @returns {Update} */
function writeOf(storageId, session, { expires, lastModified, marks }, beside) {
  /** @type {Record<string, unknown>} */
  const fields = { _id: storageId, session, expires }
  if (lastModified) fields.lastModified = lastModified
  const { $set, $currentDate, ...rest } = updateOf(fields, beside, marks)
  const createdAt = marks?.created ?? new Date()
  const isDated = beside.maxLifetimeMs === undefined && (beside.timestamps || marks)
  const $setOnInsert = {
    ...(isDated && { createdAt }),
    ...(marks?.index && { handle: marks.handle ?? newHandle(marks.created) }),
  }
  return {
    $set,
    ...rest,
    ...(Object.keys($setOnInsert).length > 0 && { $setOnInsert }),
    ...($currentDate && { $currentDate }),
  }
}

module.exports = { changeOf, fieldsOf, replacementOf, writeOf }
