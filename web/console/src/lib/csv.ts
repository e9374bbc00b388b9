type Members = Record<string, unknown>;

const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

/** An object's members by dotted names; lists stay as JSON. */
function flat(row: Members, prefix = ""): [string, unknown][] {
  return Object.entries(row).flatMap(([name, value]) => (isMembers(value) ? flat(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as [string, unknown]]));
}

/** A value as a cell. A text that a spreadsheet would take for a formula is told apart by an apostrophe, as the server does. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value.replace(/^([=+\-@\t\r])/, "'$1") : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV (RFC 4180): a column for each member that any of them has. */
export function csvOf(rows: readonly object[]): string {
  const flats = rows.map((row) => new Map(flat(row as Members)));
  const columns = [...new Set(flats.flatMap((row) => [...row.keys()]))];
  return [columns.map(cell), ...flats.map((row) => columns.map((column) => cell(row.get(column))))].map((cells) => `${cells.join(",")}\r\n`).join("");
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string): void {
  // With a mark, so that spreadsheets read Chinese as what it is.
  const url = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
