import { defineConfig } from "vitest/config";

/** A page under a loaded two-core machine; everything inside waits for conditions and fails by its own deadline first. */
const TEST_MS = 180_000;
/** Files at once, each with a koi and a chromium of its own; most of the time of a browser test is waiting. */
const FILES = Number(process.env["KOI_BROWSER_FILES"] ?? 2);
/** Tests of one file at once, where it says that they may be: each in a browser context of its own. */
const TESTS = 2;

// Chromium against a real koi.
export default defineConfig({
  test: {
    environment: "node",
    include: ["tests/**/*.browser.ts"],
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    maxWorkers: FILES,
    maxConcurrency: TESTS,
  },
});
