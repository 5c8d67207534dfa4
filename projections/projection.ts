/** An event as a fold sees it: personal fields in clear, or null when the person was forgotten. */
export type FoldEvent = {
  readonly position: number
  readonly subject: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** How a column is written; money and positions are `bigint`, moments `timestamptz`. */
export type ColumnType = 'text' | 'bigint' | 'integer' | 'boolean' | 'timestamptz' | 'jsonb' | 'text[]'

/** A row as the table holds it; every field of the columns is present, absent values are null. */
export type Row = Readonly<Record<string, unknown>>

/**
 * A read model: the rows are nothing but a fold of the log, so the same function serves live reading, rebuilding, looking back and
 * tests. `version` of the fold is not needed: a changed fold is rebuilt beside the live rows, compared, and switched.
 */
export type ReadModel = {
  /** Named like its list. */
  readonly name: string
  /** The types of events that change a row; all others are passed over without their data. */
  readonly types: readonly string[]
  /** Whether the fold reads personal fields; when not, they are not even opened. */
  readonly personal: boolean
  /** The column that is the key, and all columns in the order of the table. */
  readonly key: string
  readonly columns: Readonly<Record<string, ColumnType>>
  /** The key of the row that an event changes; null for none. */
  readonly keyOf: (event: FoldEvent) => string | null
  /** The row after an event. Pure, and total over every event of the declared types. */
  readonly fold: (row: Row | null, event: FoldEvent) => Row | null
}

/** Declares a read model whose rows have a type of their own. */
export const readModel = <R extends Row>(model: {
  readonly name: string
  readonly types: readonly string[]
  readonly personal: boolean
  readonly key: keyof R & string
  readonly columns: Readonly<Record<keyof R & string, ColumnType>>
  readonly keyOf: (event: FoldEvent) => string | null
  readonly fold: (row: R | null, event: FoldEvent) => R | null
}): ReadModel => ({
  ...model,
  // The engine gives a fold only rows that the same fold made.
  fold: (row, event) => model.fold(row as R | null, event),
})
