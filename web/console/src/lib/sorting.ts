/** A column of a list by its server's name, and which way. */
export interface Sorting {
  column: string;
  isDescending: boolean;
}

/** `-name` as the address and the server write it. */
export function sortingOf(text: string | undefined): Sorting | undefined {
  if (!text || text === "-") return undefined;
  return text.startsWith("-") ? { column: text.slice(1), isDescending: true } : { column: text, isDescending: false };
}

/** What a click on a column's head asks for next: up, then down, then the list's own order. */
export function wordOf(column: string | undefined, order: "ascend" | "descend" | null | undefined): string | undefined {
  if (!column || !order) return undefined;
  return order === "descend" ? `-${column}` : column;
}

/** The order that a column shows. */
export function orderOf(column: string, sorting: Sorting | undefined): "ascend" | "descend" | null {
  if (sorting?.column !== column) return null;
  return sorting.isDescending ? "descend" : "ascend";
}
