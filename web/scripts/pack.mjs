// Compresses build/ into dist/, which the server embeds: text as .br and .gz alone, what is compressed already as it is.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const from = at("../build");
const to = at("../dist");
const TEXT = /\.(js|css|html|svg|json|txt)$/;

/** Packs everything; `shopper` names the scripts of the shopper's page, which have a budget. */
export function pack(shopper) {
  clean();
  const [raw, packed] = packAll();
  weigh("the shopper's page", shopper, 100);
  weigh("embed/koi-draw.js", ["embed/koi-draw.js"], 20);
  console.log(`packed ${(raw / 1024).toFixed(0)} KiB into ${(packed / 1024).toFixed(0)} KiB`);
}

function clean() {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(to)) {
    // It keeps the directory in the repository, where the server's build looks for it.
    if (name !== ".gitignore") rmSync(join(to, name), { recursive: true });
  }
}

function write(name, bytes) {
  mkdirSync(dirname(join(to, name)), { recursive: true });
  writeFileSync(join(to, name), bytes);
}

function packAll() {
  let raw = 0;
  let packed = 0;
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".map")) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(from.length + 1);
    const bytes = readFileSync(path);
    raw += bytes.length;
    if (!TEXT.test(name)) {
      write(name, bytes);
      packed += bytes.length;
      continue;
    }
    const brotli = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
    write(`${name}.br`, brotli);
    write(`${name}.gz`, gzipSync(bytes, { level: 9 }));
    packed += brotli.length;
  }
  return [raw, packed];
}

/** What a phone loads from first to last, and what a shop's page takes in: kilobytes as gzip sends them. Too much is a failure. */
function weigh(what, names, most) {
  const kb = names.reduce((sum, name) => sum + readFileSync(join(to, `${name}.gz`)).length, 0) / 1_000;
  console.log(`${what}: ${kb.toFixed(1)} kB of script`);
  if (names.length > 0 && kb <= most) return;
  console.error(`${what} loads ${kb.toFixed(1)} kB of script; its budget is ${most} kB`);
  process.exit(1);
}
