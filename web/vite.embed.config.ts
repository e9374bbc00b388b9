import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The script that a shop's page includes: one file of a fixed name, with everything in it.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "build/embed",
    emptyOutDir: true,
    target: "es2022",
    lib: {
      entry: fileURLToPath(new URL("embed/koi-draw.ts", import.meta.url)),
      name: "KoiDraw",
      formats: ["iife"],
      fileName: () => "koi-draw.js",
    },
  },
});
