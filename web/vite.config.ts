import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Where `npm run dev` finds a running koi. */
const KOI = process.env.KOI_URL ?? "http://127.0.0.1:8080";

// `npm run build` builds each page by itself (scripts/build.mjs): the shopper's shares no file with the console's, so it never loads what
// only that needs, and starts from a single script.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "build",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: { input: { shopper: here("index.html"), console: here("console.html") } },
  },
  server: {
    proxy: {
      "/api": { target: KOI, ws: true },
      "/openapi.json": KOI,
    },
  },
  test: {
    environment: "happy-dom",
    include: ["{client,shared,draw,shopper,console,embed}/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
