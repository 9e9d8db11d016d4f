// What the page asks of the service it came from. Addresses are relative, so that it may live below any path.

import { eventsOf } from "./sse.js";

const KEY = "quincunx-key";

/** An error that the service told, or that kept it from being reached. */
export class ServiceError extends Error {
  /** @param {{status: number, code: string, detail: string, request_id?: string, retryAfter?: string | null}} problem */
  constructor(problem) {
    super(problem.detail);
    Object.assign(this, problem);
  }
}

/** The key of this tab: never in a link, never kept when the tab closes. */
export const key = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** @param {AbortSignal} [signal] */
async function send(path, body, accept, signal) {
  const headers = { accept };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key.get()) headers.authorization = `Bearer ${key.get()}`;
  const method = body === undefined ? "GET" : "POST";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, redirect: "error" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServiceError({ status: 0, code: "unreachable", detail: "the service cannot be reached: is it running?" });
  }
  if (!response.ok) throw new ServiceError(await problemOf(response));
  return response;
}

async function problemOf(response) {
  const told = { status: response.status, retryAfter: response.headers.get("retry-after") };
  const plain = { code: "no_problem_told", detail: `the service answered ${response.status} and did not say why` };
  if (!(response.headers.get("content-type") || "").includes("json")) return { ...told, ...plain };
  const { code = plain.code, detail = plain.detail, request_id } = await response.json();
  return { ...told, code, detail, request_id };
}

const get = async (path) => (await send(path, undefined, "application/json")).json();

export const listPrograms = () => get("v1/programs");

/** Returns whether the service takes feedback, as its own description says; who may not read that may not send any. */
export async function takesFeedback() {
  try {
    return "/v1/feedback" in (await get("openapi.json")).paths;
  } catch (error) {
    if (error instanceof ServiceError && error.status === 403) return false;
    throw error;
  }
}

export const sendFeedback = (body) => send("v1/feedback", body, "application/json");

/** Asks a program and yields what happens on the way to the answer; raises `ServiceError` where there will be none. */
export async function* askProgram(program, body, signal) {
  const path = `v1/ask/${encodeURIComponent(program)}`;
  const response = await send(path, { ...body, stream: true }, "text/event-stream", signal);
  for await (const { data } of eventsOf(response)) {
    if (data.type === "error") throw new ServiceError({ status: 200, code: data.code, detail: data.message });
    yield data;
    if (data.type === "done") return;
  }
  throw new ServiceError({ status: 0, code: "cut_off", detail: "the answer broke off before its end: ask again" });
}
