import { writeFileSync } from "node:fs";

/** Hands figures to `cargo xtask`, which prints them as its last line. */
export function report(figures: Record<string, unknown>): void {
  const path = process.env["KOI_COUNTERS"];
  if (path) writeFileSync(path, JSON.stringify(figures));
  else console.log(JSON.stringify(figures));
}
