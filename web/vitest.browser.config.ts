import { defineConfig } from "vitest/config";

/** A page under a loaded two-core machine; everything inside waits for conditions and fails by its own deadline first. */
const TEST_MS = 180_000;

// Chromium against a real koi: one after the other, since each test has both for itself.
export default defineConfig({
  test: {
    environment: "node",
    include: ["tests/**/*.browser.ts"],
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    fileParallelism: false,
  },
});
