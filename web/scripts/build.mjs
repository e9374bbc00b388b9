// Builds both pages and the element into build/, each by itself.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
process.chdir(at(".."));
rmSync("build", { recursive: true, force: true });
for (const page of ["index.html", "console.html"]) {
  // oxlint-disable-next-line no-await-in-loop -- one after the other: two at once would need twice the memory
  await build({ logLevel: "warn", build: { rolldownOptions: { input: at(`../${page}`) } } });
}
await build({ logLevel: "warn", configFile: at("../vite.embed.config.ts") });
await import("./pack.mjs");
