import type { LiveState } from "@koi/client";
import { useTexts } from "../lib/texts";

/** Whether figures arrive as they happen; a lost connection is said, and that it heals. */
export function LiveDot({ state }: { state: LiveState }) {
  const { t } = useTexts();
  return (
    <output className="k-live" data-state={state}>
      <i aria-hidden />
      {t(`live.${state}`)}
    </output>
  );
}
