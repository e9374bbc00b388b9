import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Where `npm run dev` finds a running koi. */
const KOI = process.env.KOI_URL ?? "http://127.0.0.1:8080";

// Two entries, so that the shopper's page never loads what only the console needs.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "build",
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: {
      input: { shopper: here("index.html"), console: here("console.html") },
    },
  },
  server: {
    proxy: {
      "/api": { target: KOI, ws: true },
      "/openapi.json": KOI,
    },
  },
  test: {
    environment: "happy-dom",
    include: ["{client,shared,shopper,console,embed}/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
