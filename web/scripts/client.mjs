// Writes client/src/schema.ts from ../openapi.json; with --check only compares, and fails where they differ.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = at("../client/src/schema.ts");
const made = execFileSync(
  at("../node_modules/.bin/openapi-typescript"),
  [at("../../openapi.json")],
  { encoding: "utf8", maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "pipe"] },
);
if (process.argv.includes("--check")) {
  let had = "";
  try {
    had = readFileSync(target, "utf8");
  } catch {
    // Reported as a difference below.
  }
  if (had !== made) {
    console.error("client/src/schema.ts differs from openapi.json; write it with: npm run client");
    process.exit(1);
  }
  console.log("client/src/schema.ts is what openapi.json says");
} else {
  writeFileSync(target, made);
  console.log("wrote client/src/schema.ts");
}
