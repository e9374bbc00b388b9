import { must } from "@koi/client";
import { Alert, Button, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { Navigate, useSearchParams } from "react-router";
import logo from "../../../shared/koi.svg";
import { useFirst } from "../lib/focus";
import { koi } from "../lib/koi";
import { useProblemText } from "../lib/problems";
import { useSession } from "../lib/session";
import { useTexts } from "../lib/texts";
import { LanguageChoice, ThemeChoice } from "../parts/Layout";

/** Signs in and leads back to where one was. */
export function Login() {
  const { t } = useTexts();
  const text = useProblemText();
  const [params] = useSearchParams();
  const session = useSession((state) => state.session);
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const first = useFirst();
  useEffect(() => {
    document.title = `${t("session.sign_in")} · Koi`;
  }, [t]);
  if (session) return <Navigate to={safeNext(params.get("next"))} replace />;
  const signIn = async (given: { login: string; password: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      useSession.getState().set(await must(koi.POST("/api/v1/session", { body: given })));
    } catch (thrown) {
      setProblem(text(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="k-login">
      <div className="k-login-art">
        <div className="k-brand" style={{ padding: 0 }}>
          <img src={logo} alt="" />
          <span>
            锦鲤 Koi<small>{t("nav.console")}</small>
          </span>
        </div>
        <div>
          <h2>{t("session.motto")}</h2>
          <p>{t("session.motto_more")}</p>
        </div>
        <Pond />
      </div>
      <main className="k-login-form">
        <div>
          <h1 style={{ fontSize: 22, marginTop: 0, marginBottom: 24 }}>{t("session.sign_in")}</h1>
          {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 16 }} role="alert" />}
          <Form layout="vertical" size="large" requiredMark={false} onFinish={(given: { login: string; password: string }) => void signIn(given)}>
            <Form.Item name="login" label={t("session.login")} rules={[{ required: true, message: t("common.required") }]}>
              <Input autoComplete="username" ref={first} />
            </Form.Item>
            <Form.Item name="password" label={t("session.password")} rules={[{ required: true, message: t("common.required") }]}>
              <Input.Password autoComplete="current-password" />
            </Form.Item>
            <Button type="primary" htmlType="submit" block loading={isBusy}>
              {t("session.sign_in")}
            </Button>
          </Form>
          <p style={{ display: "flex", justifyContent: "center", marginTop: 24 }}>
            <LanguageChoice />
            <ThemeChoice />
          </p>
        </div>
      </main>
    </div>
  );
}

/** Only a path of the console: an address from outside must not be led to after signing in. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/";
}

function Pond() {
  return (
    <svg viewBox="0 0 560 560" aria-hidden focusable="false">
      <g fill="none" stroke="#e2a33c" strokeOpacity=".28">
        {[90, 140, 190, 240, 275].map((r) => (
          <circle key={r} cx="300" cy="300" r={r} strokeWidth={r % 100 === 40 ? 1.6 : 1} />
        ))}
      </g>
      <g transform="translate(150 170) rotate(-18 150 120) scale(4.6)">
        <path fill="#fff6e6" d="M49 14c-14-3-28 4-31 19-1 6-5 10-9 12 6 1 10 0 13-3 1 4 1 7-1 10 6-2 10-6 11-11 12-2 19-13 17-27Z" />
        <path fill="#d9432e" d="M45 19c-4 0-8 1-11 4 4 3 8 3 11-4Zm-17 8c-4 4-6 8-5 12 5-1 7-6 5-12Z" />
        <circle cx="43.5" cy="17.5" r="1.6" fill="#7a1a10" />
      </g>
    </svg>
  );
}
