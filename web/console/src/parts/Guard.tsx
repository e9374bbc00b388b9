import { useQuery } from "@tanstack/react-query";
import { Button, Result, Spin } from "antd";
import type { ReactNode } from "react";
import { Navigate, useLocation, useRouteError } from "react-router";
import { findSession } from "../lib/koi";
import { useSession } from "../lib/session";
import { useTexts } from "../lib/texts";
import { ProblemNote } from "./basics";

/** Shows what it guards to whoever is signed in, and the login to others, which leads back here. */
export function Guard({ children }: { children: ReactNode }) {
  const { pathname, search } = useLocation();
  const session = useSession((state) => state.session);
  const found = useQuery({ queryKey: ["session"], queryFn: findSession, enabled: session === undefined, staleTime: Number.POSITIVE_INFINITY });
  if (session) return children;
  if (session === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} isPage />;
  return <Waiting />;
}

export function Waiting() {
  const { t } = useTexts();
  return (
    <output aria-label={t("common.loading")} style={{ display: "grid", placeItems: "center", minHeight: 240 }}>
      <Spin />
    </output>
  );
}

/** A page that could not be shown: a chunk of a version that is gone, or a fault of ours. */
export function Broken() {
  const { t } = useTexts();
  const error = useRouteError();
  return (
    <Result
      status="warning"
      title={t("common.broken")}
      subTitle={error instanceof Error ? error.message : undefined}
      extra={
        <Button type="primary" onClick={() => location.reload()}>
          {t("common.reload")}
        </Button>
      }
    />
  );
}
