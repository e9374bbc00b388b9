import { defineConfig } from "vitest/config";

// The pictures that the README shows: `cargo xtask pictures`.
export default defineConfig({
  test: { environment: "node", include: ["tests/**/*.pictures.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
});
