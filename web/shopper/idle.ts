import { startTransition, useEffect, useState } from "react";

/** The latest that what can wait begins: a person has seen the stage by then, and looks around. */
const WITHIN_MS = 500;

/** Runs what nobody waits for once the page has nothing else to do, or soon in any case. Gives what calls it off. */
export function whenIdle(work: () => void): () => void {
  if (typeof requestIdleCallback === "function") {
    const asked = requestIdleCallback(work, { timeout: WITHIN_MS });
    return () => cancelIdleCallback(asked);
  }
  const timer = setTimeout(work, 0);
  return () => clearTimeout(timer);
}

/** False until the page has nothing else to do after its first frame. */
export function useIdle(): boolean {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    let callOff: (() => void) | undefined;
    const frame = requestAnimationFrame(() => {
      callOff = whenIdle(() => startTransition(() => setIdle(true)));
    });
    return () => {
      cancelAnimationFrame(frame);
      callOff?.();
    };
  }, []);
  return isIdle;
}
