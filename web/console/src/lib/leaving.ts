import { App } from "antd";
import { useEffect, useEffectEvent } from "react";
import { useBlocker } from "react-router";
import { useTexts } from "./texts";

/** Asks before unsaved edits are left behind, by a link or by closing the page. */
export function useLeaving(isDirty: boolean): void {
  const { t } = useTexts();
  const { modal } = App.useApp();
  const blocker = useBlocker(({ currentLocation, nextLocation }) => isDirty && currentLocation.pathname !== nextLocation.pathname);
  const isBlocked = blocker.state === "blocked";
  const ask = useEffectEvent(() =>
    modal.confirm({
      title: t("design.leave_title"),
      content: t("design.leave_why"),
      okText: t("design.leave"),
      onOk: () => blocker.proceed?.(),
      onCancel: () => blocker.reset?.(),
    }),
  );
  useEffect(() => {
    // Asked once each time the way is blocked, whatever else changes meanwhile.
    if (isBlocked) ask();
  }, [isBlocked]);
  useEffect(() => {
    if (!isDirty) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", stay);
    return () => removeEventListener("beforeunload", stay);
  }, [isDirty]);
}
