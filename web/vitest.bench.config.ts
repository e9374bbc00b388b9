import { defineConfig } from "vitest/config";

// Figures, not verdicts: run by `cargo xtask bench web`.
export default defineConfig({
  test: {
    environment: "node",
    include: ["tests/**/*.measure.ts"],
    testTimeout: 300_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
