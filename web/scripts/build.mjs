// Builds both pages and the element into build/, each by itself.
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { pack } from "./pack.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
process.chdir(at(".."));
rmSync("build", { recursive: true, force: true });
// One after the other: two at once would need twice the memory.
await build({ logLevel: "warn", build: { rolldownOptions: { input: at("../index.html") } } });
// So far there is nothing else: all of it is the shopper's. A phone loads one of the languages.
const LANGUAGE = /^(zh|en)-/;
const scripts = readdirSync("build/assets").filter((name) => name.endsWith(".js"));
const shopper = scripts.filter((name) => !name.startsWith("en-")).map((name) => `assets/${name}`);
if (scripts.filter((name) => LANGUAGE.test(name)).length !== 2) throw new Error(`not two languages among ${scripts.join(", ")}`);
await build({ logLevel: "warn", build: { rolldownOptions: { input: at("../console.html") } } });
await build({ logLevel: "warn", configFile: at("../vite.embed.config.ts") });
pack(shopper);
