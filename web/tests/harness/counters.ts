import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Hands figures to `cargo xtask`, which adds up those of all files and prints them as its last line. */
export function report(file: string, figures: Record<string, unknown>): void {
  const directory = process.env["KOI_COUNTERS"];
  if (!directory) {
    console.log(JSON.stringify(figures));
    return;
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${file}.json`), JSON.stringify(figures));
}

/** What the pages of one file were looked at for. */
export interface Looked {
  pages: number;
  axe_serious_or_critical: number;
  cut_or_overlapping: number;
  console_errors: number;
}

export const NOTHING_SEEN: Looked = { pages: 0, axe_serious_or_critical: 0, cut_or_overlapping: 0, console_errors: 0 };
