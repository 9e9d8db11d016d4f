// The client of a service that `quincunx serve` started: one file without dependencies, for Node 20.3 or newer, Deno, Bun and
// browsers.
//
//     const client = new Quincunx("http://127.0.0.1:8765");
//     const answer = await client.ask("chat_bridge", "What is Sage Daily?");
//     for await (const event of client.stream("chat_bridge", "What is Sage Daily?")) console.log(event.type);
//
// What stands below the last heading is made from the service's OpenAPI by tests/typescript_client.py.

// ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How a client asks, where its defaults will not do. */
export interface ClientOptions {
  /** One that `quincunx keys add` made; left out, none is sent. */
  key?: string;
  /** Within which a call ends, what is tried again included; of a stream, within which its next event comes. 120 by default. */
  seconds?: number;
  /** How often a call is tried that could not be sent, or that the service turned away, at most. 4 by default. */
  tries?: number;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call; the service then ends its work, too. What is thrown is the signal's own reason. */
  signal?: AbortSignal;
}

export interface AskOptions extends CallOptions, Omit<AskBody, "question" | "stream"> {}

export interface SearchOptions extends CallOptions, Omit<SearchBody, "question" | "index"> {}

export interface RerankOptions extends CallOptions, Omit<CohereV1Body, "query" | "documents"> {}

/** An error, by a `code` that is stable: match on it, never on the message. */
export class QuincunxError extends Error {
  /** Of the service, or of the client: `service_unreachable`, `deadline_exceeded`, and `service_error` for a reply that is none. */
  readonly code: string;
  /** Of the response; 0 where there was none. */
  readonly status: number;
  /** Under which the service's log has it; empty where there was no response. */
  readonly requestId: string;
  /** Of a body that is not of the right form: each place and what is wrong there. */
  readonly errors: Record<string, unknown>[];

  constructor(code: string, message: string, told: Partial<ProblemDetail> = {}, cause?: unknown) {
    super(message, { cause });
    this.name = "QuincunxError";
    this.code = code;
    this.status = told.status ?? 0;
    this.requestId = told.request_id ?? "";
    this.errors = told.errors ?? [];
  }
}

/**
 * Asks a service.
 *
 * A connection that failed, and a request that was turned away (429 or 503 with `Retry-After`), are tried again within the
 * client's seconds; a stream that has begun and feedback never are.
 */
export class Quincunx {
  readonly address: string;
  readonly #headers: Record<string, string>;
  readonly #seconds: number;
  readonly #tries: number;
  readonly #fetch: typeof fetch;

  constructor(address = "http://127.0.0.1:8765", options: ClientOptions = {}) {
    this.address = address.replace(/\/+$/, "");
    this.#headers = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
    this.#seconds = options.seconds ?? 120;
    this.#tries = options.tries ?? 4;
    this.#fetch = options.fetch ?? ((...asked) => fetch(...asked));
  }

  /** Returns a program's answer; a refusal is one, whose `answered` is false. The output's type is the caller's to name. */
  async ask<Output = unknown>(program: string, question: string, options: AskOptions = {}): Promise<AnswerBody<Output>> {
    const { signal, ...asked } = options;
    const answer = await this.#send("POST /v1/ask/{program}", { ...asked, question }, signal, { program });
    return answer as AnswerBody<Output>;
  }

  /**
   * Yields what happens on the way to an answer; the last event is `done` or `error`. Leaving the loop ends the call.
   *
   * Throws where the call could not begin, or the stream broke off.
   */
  async *stream<Output = unknown>(
    program: string,
    question: string,
    options: AskOptions = {},
  ): AsyncGenerator<StreamEvent<Output>, void, undefined> {
    const { signal, ...asked } = options;
    const call = new Call(this.#seconds, signal);
    try {
      const body = { ...asked, question, stream: true };
      const response = await this.#answered("POST /v1/ask/{program}", body, call, { program });
      for await (const event of this.#events(response, call)) {
        call.pause(); // the caller's own time does not count
        yield event as StreamEvent<Output>;
        if (event.type === "done" || event.type === "error") return;
        call.resume();
      }
    } catch (error) {
      throw this.#typed(error, call);
    } finally {
      call.end();
    }
    throw new QuincunxError("service_error", `the stream of ${this.address} ended before its answer: ask again`);
  }

  /** Returns the answers to several questions, in their order; one with the `type` "error" says why it is none. */
  async batch<Output = unknown>(
    program: string,
    questions: (string | QuestionBody)[],
    options: CallOptions = {},
  ): Promise<(AnswerBody<Output> | FailureBody)[]> {
    const body = { questions: questions.map((asked) => (typeof asked === "string" ? { question: asked } : asked)) };
    const { answers } = await this.#send("POST /v1/ask/{program}/batch", body, options.signal, { program });
    return answers as (AnswerBody<Output> | FailureBody)[];
  }

  /** Returns what a search finds of an index, or of several joined by commas. */
  async search(index: string, question: string, options: SearchOptions = {}): Promise<FoundBody> {
    const { signal, ...asked } = options;
    return this.#send("POST /v1/search", { ...asked, index, question }, signal);
  }

  /** Returns the documents by their places among those given, the most relevant first. */
  async rerank(query: string, documents: string[], options: RerankOptions = {}): Promise<RerankResult[]> {
    const { signal, ...asked } = options;
    return (await this.#send("POST /v1/rerank", { ...asked, query, documents }, signal)).results;
  }

  /** Returns the programs that can be asked, each with the schema of its output. */
  async programs(options: CallOptions = {}): Promise<ServedProgram[]> {
    return this.#send("GET /v1/programs", undefined, options.signal);
  }

  /** Returns the indexes that can be searched. */
  async indexes(options: CallOptions = {}): Promise<ServedIndex[]> {
    return this.#send("GET /v1/indexes", undefined, options.signal);
  }

  /** Says whether an answer is right, by its `id`; returns the id of the draft that is made of it. */
  async feedback(said: FeedbackBody, options: CallOptions = {}): Promise<FeedbackTaken> {
    return this.#send("POST /v1/feedback", said, options.signal);
  }

  async #send<R extends Route>(route: R, body: Routes[R]["body"], signal?: AbortSignal, names = {}): Promise<Routes[R]["answer"]> {
    const call = new Call(this.#seconds, signal);
    try {
      const response = await this.#answered(route, body, call, names);
      const text = await this.#arrived(response.text());
      return this.#json(text, response.status) as Routes[R]["answer"];
    } catch (error) {
      throw this.#typed(error, call);
    } finally {
      call.end();
    }
  }

  /** Returns the response to a request once there is one that is no error; tries again what may be. */
  async #answered<R extends Route>(
    route: R,
    body: Routes[R]["body"],
    call: Call,
    names: Record<string, string>,
  ): Promise<Response> {
    const [method, path] = route.split(" ") as [string, string];
    const url = this.address + path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? ""));
    const headers = { ...this.#headers, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const request = {
      method,
      headers,
      signal: call.signal,
      redirect: "error" as const, // which would take the key elsewhere
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let tried = 1; ; tried++) {
      const { response, failure, pause } = await this.#tried(url, request, tried);
      if (response !== undefined) return response;
      const again = pause !== undefined && tried < this.#tries && pause < call.left && !SENT_ONCE.has(route);
      if (!again) throw failure;
      await call.sleep(pause);
    }
  }

  /** Returns the response, or what went wrong and the seconds after which the same may go well; none where it may not. */
  async #tried(
    url: string,
    request: RequestInit,
    tried: number,
  ): Promise<{ response?: Response; failure?: unknown; pause?: number | undefined }> {
    let response: Response;
    try {
      response = await this.#fetch(url, request);
    } catch (error) {
      const pause = neverSent(error) ? 0.1 * 2 ** (tried - 1) * (1 + Math.random()) : undefined;
      return { failure: this.#broken(error), pause };
    }
    if (response.ok) return { response };
    const pause = TURNED_AWAY.has(response.status) ? secondsUntil(response.headers.get("retry-after")) : undefined;
    return { failure: await this.#problem(response), pause };
  }

  async #problem(response: Response): Promise<QuincunxError> {
    const { status, headers } = response;
    const requestId = headers.get("x-request-id") ?? "";
    const told = readObject(await this.#arrived(response.text())) as Partial<ProblemDetail>;
    if (typeof told.code !== "string") {
      const message = `${this.address} answered with status ${status} and no reason that is known here`;
      return new QuincunxError("service_error", message, { status, request_id: requestId });
    }
    return new QuincunxError(told.code, told.detail ?? told.code, { request_id: requestId, ...told, status });
  }

  #json(text: string, status: number): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = `what answers at ${this.address} is no service of quincunx: its reply is no JSON`;
      throw new QuincunxError("service_error", message, { status }, error);
    }
  }

  /** Yields the events of a stream as they come; each piece of it, a comment too, gives the call its seconds anew. */
  async *#events(response: Response, call: Call): AsyncGenerator<StreamEvent, void, undefined> {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let data: string[] = [];
    while (true) {
      const { done, value } = await this.#arrived(reader.read());
      if (done) return;
      call.resume();
      // A carriage return at the very end may be the first half of a line's end.
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        const event = data.join("\n");
        data = [];
        yield this.#json(event, response.status) as StreamEvent;
      }
    }
  }

  /** Awaits what is read of a response. */
  async #arrived<Part>(reading: Promise<Part>): Promise<Part> {
    try {
      return await reading;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(error: unknown): QuincunxError {
    const why = (error as { cause?: { message?: string } }).cause?.message || (error as Error).message;
    if (neverSent(error)) {
      const message = `no service answers at ${this.address} (${why}): start one with \`quincunx serve\``;
      return new QuincunxError("service_unreachable", message, {}, error);
    }
    const message = `${this.address} broke off, or could not be reached (${why}): ask again`;
    return new QuincunxError("service_error", message, {}, error);
  }

  /** Returns what is thrown where an error ends a call: the reason of the caller's own signal, or that it took too long. */
  #typed(error: unknown, call: Call): unknown {
    if (call.leftByCaller) return call.signal.reason;
    if (!call.late) return error;
    const message = `${this.address} did not answer within ${this.#seconds} s: allow more seconds`;
    return new QuincunxError("deadline_exceeded", message, {}, error);
  }
}

const TURNED_AWAY = new Set([429, 503]);
const SENT_ONCE = new Set<Route>(["POST /v1/feedback"]);
/** As Node and Bun name a connection that was not made. Browsers do not tell that from one that broke. */
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
]);

function neverSent(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return NOT_CONNECTED.has(cause?.code ?? "") || NOT_CONNECTED.has(code ?? "");
}

/** Returns the seconds that `Retry-After` gives, itself or as a date; none where it gives neither. */
function secondsUntil(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

function readObject(text: string): object {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? read : {};
  } catch {
    return {};
  }
}

/** One call while it runs: how long it may, and whether its caller still wants it. */
class Call {
  readonly signal: AbortSignal;
  late = false;
  readonly #ending = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #seconds: number;
  #ends = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(seconds: number, caller?: AbortSignal) {
    this.#seconds = seconds;
    this.#caller = caller;
    this.signal = caller === undefined ? this.#ending.signal : AbortSignal.any([this.#ending.signal, caller]);
    this.resume();
  }

  /** Seconds that are left. */
  get left(): number {
    return (this.#ends - performance.now()) / 1000;
  }

  get leftByCaller(): boolean {
    return !this.late && this.#caller !== undefined && this.#caller.aborted;
  }

  /** Gives it all of its seconds anew. */
  resume(): void {
    clearTimeout(this.#timer);
    this.#ends = performance.now() + 1000 * this.#seconds;
    this.#timer = setTimeout(() => {
      this.late = true;
      this.#ending.abort();
    }, 1000 * this.#seconds);
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Ends it, and its connection where a response is still under way. */
  end(): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  sleep(seconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(this.signal.reason);
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener("abort", stop);
        resolve();
      }, 1000 * seconds);
      this.signal.addEventListener("abort", stop, { once: true });
      if (this.signal.aborted) stop();
    });
  }
}

// ── What the service takes and gives, made from its OpenAPI: run `python tests/typescript_client.py` ─────────────────────

/** What is sent to each route, and what it answers. */
export interface Routes {
  "GET /healthz": { body: undefined; answer: Record<string, string> };
  "GET /readyz": { body: undefined; answer: Record<string, unknown> };
  "GET /metrics": { body: undefined; answer: string };
  "POST /v1/admin/reload": { body: undefined; answer: ReloadedBody };
  "GET /v1/programs": { body: undefined; answer: ServedProgram[] };
  "GET /v1/indexes": { body: undefined; answer: ServedIndex[] };
  "POST /v1/search": { body: SearchBody; answer: FoundBody };
  "POST /v1/ask/{program}": { body: AskBody; answer: AnswerBody };
  "POST /v1/ask/{program}/batch": { body: BatchBody; answer: BatchAnswers };
  "POST /v1/chat/completions": { body: ChatBody; answer: ChatCompletionBody };
  "POST /v2/rerank": { body: CohereV2Body; answer: CohereResults };
  "POST /v1/rerank": { body: CohereV1Body; answer: CohereResults };
  "POST /rerank": { body: TeiBody | JinaBody; answer: TeiResult[] | JinaResults };
  "POST /v1/embeddings": { body: EmbeddingsBody; answer: EmbeddingsList };
  "GET /v1/models": { body: undefined; answer: ListedModels };
  "GET /v1/models/{model}": { body: undefined; answer: ListedModel };
  "PUT /v1/documents/{index}": { body: DocumentsBody; answer: WriteReport };
  "DELETE /v1/documents/{index}": { body: undefined; answer: WriteReport };
  "POST /v1/feedback": { body: FeedbackBody; answer: FeedbackTaken };
}

export type Route = keyof Routes;

/** A checked answer; see `quincunx.Answer`. */
export interface AnswerBody<Output = unknown> {
  /** Of the call, as the log and `feedback` name it. */
  id: string;
  program: string;
  index: string;
  question: string;
  details: Record<string, string>;
  searched: string[];
  engine: string;
  /** False for a refusal. */
  answered: boolean;
  /** Why nothing was answered. */
  refusal: string | null;
  /** Typed by the program: its schema is in /v1/programs. Holds only what stood the check. */
  output: Output;
  citations: CitationBody[];
  usage: UsageBody;
  notes: string[];
  dropped: DroppedBody[];
  passages: PassageBody[];
  left_out: number;
  candidates: CandidateBody[];
  generations: Record<string, number>;
  /** By word of the question that stands nowhere in the index: what was searched for instead. */
  near_words: Record<string, string[]>;
  seconds: Record<string, number>;
}

/** The assistant's message. */
export interface AnswerMessage {
  role: "assistant";
  /** Sentences with numbers of footnotes, and the sources at the end. */
  content: string;
  /** Why nothing was answered. */
  refusal: string | null;
  /** The numbers that lead to an address of the web. */
  annotations: Record<string, unknown>[];
}

/** A question to a program, and how it is to be answered. */
export interface AskBody {
  question: string;
  /** Earlier turns, oldest first, of programs that take them. */
  history?: Turn[];
  /** Other inputs of the program by name; see /v1/programs. */
  details?: Record<string, string>;
  settings?: SearchSettingsBody;
  budget?: BudgetBody;
  /** Answer by server-sent events, as `Accept: text/event-stream` does. */
  stream?: boolean;
}

/** The answers in the order of the questions, a failure in the place of one. */
export interface BatchAnswers<Output = unknown> {
  answers: (AnswerBody<Output> | FailureBody)[];
}

/** Several questions to a program. */
export interface BatchBody {
  questions: QuestionBody[];
}

/** The most that one answer may take; the service's own deadline counts beside it. */
export interface BudgetBody {
  lm_calls?: number | null;
  tokens?: number | null;
  seconds?: number | null;
}

/** A candidate with its rank and score at every stage; see `quincunx.Candidate`. */
export interface CandidateBody {
  id: string;
  passage: PassageBody;
  dense_rank: number | null;
  dense_score: number;
  lexical_rank: number | null;
  lexical_score: number;
  fused_rank: number;
  fused_score: number;
  rerank_rank: number | null;
  rerank_score: number | null;
  final_rank: number | null;
  named: number;
  duplicates: string[];
}

/** A request as OpenAI's `chat.completions.create` sends it. */
export interface ChatBody {
  /** A program; see /v1/models. */
  model: string;
  messages: ChatMessage[];
  stream?: boolean | null;
  stream_options?: StreamOptions | null;
  /** Only 1. */
  n?: number | null;
  quincunx?: ChatExtras;
  [name: string]: unknown;
}

/** The one choice. */
export interface ChatChoice {
  index: 0;
  message: AnswerMessage;
  finish_reason: "stop";
  logprobs?: null;
}

/** An answer. */
export interface ChatCompletionBody {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: ChatChoice[];
  usage: ChatUsage;
  quincunx: ChatNotes;
}

/** What a program takes and a chat has no words for. */
export interface ChatExtras {
  /** Other inputs of the program; see /v1/programs. */
  details?: Record<string, string>;
  settings?: SearchSettingsBody;
  budget?: BudgetBody;
}

/** One message of a chat. */
export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool" | "function";
  /** Text, or parts of type `text`. */
  content?: string | Record<string, unknown>[] | null;
  [name: string]: unknown;
}

/** What a chat completion has no words for. */
export interface ChatNotes {
  /** Of the answer, for /v1/feedback. */
  id: string;
  answered: boolean;
  /** What of the request was not heeded, and what did not go as usual. */
  notes: string[];
  citations: CitationBody[];
}

/** Tokens of the language model; 0 for an engine that has none. */
export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** A citation with all that leads back to its place; see `quincunx.Citation`. */
export interface CitationBody {
  passage_id: string;
  quote: string;
  title: string;
  link: string;
  path: string;
  page: number | null;
  place: string;
  url: string;
  start: number | null;
  end: number | null;
}

/** A citation that stood the check. */
export interface CitationEvent {
  type: "citation";
  citation: CitationBody;
}

/** One statement with what supports it; see `quincunx.Claim`. */
export interface ClaimBody {
  text: string;
  citations: CitationBody[];
}

/** What Cohere's responses say about themselves. */
export interface CohereMeta {
  api_version: Record<string, string>;
  warnings?: string[];
}

/** Documents, the most relevant first. */
export interface CohereResults {
  id: string;
  results: RerankResult[];
  meta: CohereMeta;
  /** What scored. */
  model: string;
}

/** A request as Cohere's `Client.rerank` sends it, and as Jina's clients do. */
export interface CohereV1Body {
  model?: string | null;
  query: string;
  /** Texts, or objects with a `text` or with the fields that `rank_fields` names. */
  documents: (string | Record<string, JsonValue>)[];
  /** Results that are given; all if left out. */
  top_n?: number | null;
  /** Fields of the documents that are read, in this order, a line each. */
  rank_fields?: string[] | null;
  return_documents?: boolean | null;
  /** A document is one chunk, its beginning; a warning says where that matters. */
  max_chunks_per_doc?: number | null;
}

/** A request as Cohere's `ClientV2.rerank` sends it. */
export interface CohereV2Body {
  /** See /v1/models. */
  model: string;
  query: string;
  documents: string[];
  /** Results that are given; all if left out. */
  top_n?: number | null;
  /** Not applied: the model's own limit is. A warning says so. */
  max_tokens_per_doc?: number | null;
  /** Not heeded: requests take turns. A warning says so. */
  priority?: number | null;
}

/** A document; see `quincunx.Document`. */
export interface DocumentBody {
  id: string;
  title?: string;
  text?: string;
  metadata?: Record<string, unknown>;
  /** Whether headings (`# …`) of the text title the passages below them. */
  markdown?: boolean;
}

/** Documents, each put in place of the one of its id. */
export interface DocumentsBody {
  documents: DocumentBody[];
}

/** The checked answer; the last event. */
export interface DoneEvent<Output = unknown> {
  type: "done";
  answer: AnswerBody<Output>;
}

/** What the model wrote and the check took out. */
export interface DroppedBody {
  /** Its place in the output. */
  where: string;
  rule: string;
  reason: string;
  /** What the model wrote there. */
  value: unknown;
}

/** One text's vector, of norm 1. */
export interface EmbeddingEntry {
  object: "embedding";
  index: number;
  embedding: number[] | string;
}

/** A request as OpenAI's `embeddings.create` sends it. */
export interface EmbeddingsBody {
  /** See /v1/models. */
  model: string;
  /** One text or several. Token ids are refused: they mean nothing to another tokenizer. */
  input: string | string[] | number[] | number[][];
  /** `base64` of little-endian float32, as OpenAI's SDK asks for. */
  encoding_format?: "float" | "base64";
  /** Where the model's vectors may be shortened. */
  dimensions?: number | null;
  /** Whether the texts are to search with (`query`) or to be found. */
  input_type?: "query" | "document";
  /** Taken and not used. */
  user?: string | null;
}

/** Vectors in the order of the texts. */
export interface EmbeddingsList {
  object: "list";
  data: EmbeddingEntry[];
  model: string;
  usage: EmbeddingsUsage;
}

/** Tokens that were read. */
export interface EmbeddingsUsage {
  prompt_tokens: number;
  total_tokens: number;
}

/** Why a question of several has no answer. */
export interface FailureBody {
  type: "error";
  code: string;
  message: string;
}

/** What somebody says of an answer: of one by its id, or of the question to a program. */
export interface FeedbackBody {
  /** The `id` of the answer. */
  answer_id?: string;
  /** Where there is no id: what was asked. */
  program?: string;
  /** Where there is no id: the question. */
  question?: string;
  /** Whether the answer is right. */
  thumb: "up" | "down";
  /** As it should read. */
  corrected_answer?: string;
  /** Ids of passages that hold the answer, the best first. */
  right_passages?: string[];
  comment?: string;
}

/** Feedback that was written down. */
export interface FeedbackTaken {
  /** Of the draft. */
  id: string;
}

/** What a search found; see `quincunx search --json`. */
export interface FoundBody {
  index: string;
  question: string;
  k: number;
  n: number;
  where: string | null;
  generations: Record<string, number>;
  notes: string[];
  /** By word of the question that stands nowhere in the index: what was searched for instead. */
  near_words: Record<string, string[]>;
  precision: PrecisionBody | null;
  passages: PassageBody[];
  candidates: CandidateBody[];
}

/** A request as Jina's and infinity's clients send it. */
export interface JinaBody {
  model?: string | null;
  query: string;
  documents: (string | Record<string, JsonValue>)[];
  /** Results that are given; all if left out. */
  top_n?: number | null;
  return_documents?: boolean;
  raw_scores?: boolean;
}

/** Documents, the most relevant first. */
export interface JinaResults {
  model: string;
  results: RerankResult[];
}

export type JsonValue = unknown;

/** A program, for chat completions; or an embedder or a reranker. */
export interface ListedModel {
  id: string;
  object: "model";
  /** When the service was loaded, in seconds since 1970. */
  created: number;
  owned_by: "quincunx";
  kind: "program" | "embedder" | "reranker";
}

/** All of them. */
export interface ListedModels {
  object: "list";
  data: ListedModel[];
}

/** A passage that was found; see `quincunx.Passage`. */
export interface PassageBody {
  id: string;
  document_id: string;
  title: string;
  text: string;
  start: number;
  end: number;
  metadata: Record<string, unknown>;
  parts: Record<string, unknown>[];
}

/** What was found, before the language model is asked. */
export interface PassagesEvent {
  type: "passages";
  passages: PassageBody[];
  candidates: CandidateBody[];
}

/** What the reranker computed in. */
export interface PrecisionBody {
  precision: string;
  /** Whether a setting asked for it; else it was chosen by measuring. */
  forced: boolean;
  /** Times as fast as float32. */
  speed: number | null;
  /** How much of float32's order it keeps. */
  fidelity: Record<string, unknown> | null;
  /** All of it in words. */
  text: string;
}

/** What went wrong, as RFC 9457 tells it. */
export interface ProblemDetail {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Stable: match on it, never on the detail. */
  code: string;
  request_id: string;
  /** Of a body that is not of the right form: each place and what is wrong there. */
  errors?: Record<string, unknown>[];
}

/** A question to a program. */
export interface QuestionBody {
  question: string;
  /** Earlier turns, oldest first, of programs that take them. */
  history?: Turn[];
  /** Other inputs of the program by name; see /v1/programs. */
  details?: Record<string, string>;
  settings?: SearchSettingsBody;
  budget?: BudgetBody;
}

/** What is served after a reload. */
export interface ReloadedBody {
  programs: string[];
  indexes: string[];
  /** How many keys there are; none where no key is asked for. */
  keys: number | null;
  /** Programs and indexes that are not served, and why. */
  left_out: Record<string, string>;
  seconds: number;
}

/** One document. */
export interface RerankResult {
  /** Its place in the request, from 0. */
  index: number;
  /** 0 to 1, or the model's raw score where `raw_scores` asked for it; comparable within one query. */
  relevance_score: number;
  /** Where `return_documents` asked for it. */
  document?: Record<string, unknown> | null;
}

/** A search. */
export interface SearchBody {
  question: string;
  /** An index, or several joined by commas. */
  index: string;
  settings?: SearchSettingsBody;
}

/** Settings of a search; what is left out keeps its default, of an asked program as it was saved. */
export interface SearchSettingsBody {
  /** Candidates that the reranker reads. */
  k?: number | null;
  /** Passages that are kept. */
  n?: number | null;
  /** Only passages whose metadata fits. */
  where?: string | null;
  /** Whether the reranker reads the candidates. */
  rerank?: boolean | null;
  /** Passages before and after each that are given with it. */
  neighbours?: number | null;
}

/** A sentence of the answer, with what it cites: checked, and never taken back. */
export interface SentenceEvent {
  type: "sentence";
  claim: ClaimBody;
}

/** One index that can be searched. */
export interface ServedIndex {
  name: string;
  /** Counts its changes. */
  generation: number;
}

/** One program that can be asked. */
export interface ServedProgram {
  name: string;
  /** Of a saved one, the program that it is a version of. */
  program: string;
  /** What it does, as its signature says. */
  description: string;
  /** What it searches. */
  indexes: string[];
  /** Inputs beside question and history, each a text. */
  details: string[];
  /** Whether it takes the earlier turns of a conversation. */
  history: boolean;
  /** A question that it answers. */
  example: string;
  /** JSON schema of the answer's output. */
  output_schema: Record<string, unknown>;
}

/** What is being done now. */
export interface StatusEvent {
  type: "status";
  stage: "rephrasing" | "splitting" | "retrieving" | "asking" | "asking again" | "checking";
}

/** What a stream tells; the last event is `done` or `error`. */
export type StreamEvent<Output = unknown> =
  | StatusEvent
  | PassagesEvent
  | TokenEvent
  | SentenceEvent
  | CitationEvent
  | DoneEvent<Output>
  | FailureBody;

/** What a stream tells beside the answer. */
export interface StreamOptions {
  include_usage?: boolean;
  [name: string]: unknown;
}

/** A request as clients of text-embeddings-inference send it. */
export interface TeiBody {
  query: string;
  texts: string[];
  /** False: a text that the model cannot read whole ends with 422. As in TEI, else cut. */
  truncate?: boolean | null;
  truncation_direction?: "Right" | "right";
  raw_scores?: boolean;
  return_text?: boolean;
}

/** One text. */
export interface TeiResult {
  index: number;
  score: number;
  text?: string | null;
}

/** A piece of the draft as the model writes it: not checked yet, and not all of it may stand. */
export interface TokenEvent {
  type: "token";
  text: string;
}

/** One earlier exchange of a conversation; programs take a list of them, oldest first. */
export interface Turn {
  /** what was asked. */
  question: string;
  /** what was answered; empty if nothing was. */
  answer?: string;
}

/** What was spent on the language model. */
export interface UsageBody {
  lm_calls: number;
  cached: number;
  input_tokens: number | null;
  output_tokens: number | null;
}

/** What a write changed; see `quincunx.BuildReport`. */
export interface WriteReport {
  added: number;
  changed: number;
  /** Documents that said the same already. */
  unchanged: number;
  removed: number;
  /** In the index now. */
  passages: number;
  /** Texts that were embedded. */
  embedded: number;
  /** That searches see from now on. */
  generation: number;
  notices: string[];
}
