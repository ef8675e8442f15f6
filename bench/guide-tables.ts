/**
 * Tables of guides that are drawn: how one is written, and where it stands, between the comments that name it.
 */

/** `text` with each table, or whatever is drawn, in its place. Throws when there is none. */
export function placed(text: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce((guide, [name, table]) => {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
    const from = guide.indexOf(begin) + begin.length;
    const to = guide.indexOf(end);
    if (from < begin.length || to < from) throw new Error(`The guide has no place for ${name}`);
    return `${guide.slice(0, from)}\n${table}\n${guide.slice(to)}`;
  }, text);
}

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return `${lines.map(lineOf).join('\n')}\n`;
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
