/**
 * Text that a process that has ended has left in the journal. Somebody else may have written something else.
 */

/** The object that it says; `undefined` for what is none. */
export function parsed(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
