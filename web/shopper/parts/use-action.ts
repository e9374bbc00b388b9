import { Problem } from "@koi/client";
import { useRef, useState } from "react";
import { useWords } from "../language";
import { problemText } from "../texts";
import { notice } from "./Notices";

/** Something a button does: once at a time, and a refusal is said. Gives whether it runs. */
export function useAction(work: () => Promise<void>): [run: () => void, isBusy: boolean] {
  const { t } = useWords();
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);
  const run = () => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    work()
      .catch((thrown: unknown) => notice(problemText(t, Problem.from(thrown)), true))
      .finally(() => {
        running.current = false;
        setBusy(false);
      });
  };
  return [run, isBusy];
}
