import type { Page } from "../parts/ServerTable";
import { must } from "@koi/client";
import { koi } from "./koi";

/** What a list is asked: its filters, `sort`, `limit`, `cursor`. What is not said is left out. */
export type Query = Record<string, string | number | undefined>;

/** A path of the interface below `/api/v1`, its parameters filled in. */
export type ListPath = `/${string}`;

const said = (query: Query) => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));

/** One page of a list. Every list understands the same of a query, so one function asks them all. */
export function readPage<Row>(path: ListPath, query: Query, signal: AbortSignal): Promise<Page<Row>> {
  return must(koi.GET(`/api/v1${path}` as "/api/v1/webhooks", { params: { query: said(query) as never }, signal })) as unknown as Promise<Page<Row>>;
}

/** All rows of a list as the server writes them, and whether it cut them off. */
export async function readCsv(path: ListPath, query: Query): Promise<{ text: string; isCut: boolean }> {
  const { data, response } = await koi.GET(`/api/v1${path}` as "/api/v1/webhooks", { params: { query: { ...said(query), format: "csv" } as never }, parseAs: "text" });
  return { text: String(data), isCut: response.headers.has("x-next-cursor") };
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string): void {
  // With a mark, so that spreadsheets read Chinese as what it is.
  const url = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
