// Takes songs in: checks, sends, prices and starts them. The view only shows its items.
import { ask } from "../../api/client";
import { ApiError, isAbort, wordsFor } from "../../api/errors";
import { type Order, place, quote } from "../../api/orders";
import { type SiteFacts, siteFacts } from "../../api/site";
import type { Schema } from "../../api/types";
import { becomeSomebody } from "../../api/visitor";
import { Owner } from "../../ui/owner";
import { Store } from "../../ui/store";
import { t } from "../../ui/texts";
import { put } from "../songs/jobs";
import { type Choice, choice } from "./choice";
import { durationOf } from "./duration";
import { type Item, type ItemState, isBusy, isReady, newKey } from "./items";
import { tooLarge, tooLong, tooMany } from "./limits";
import { amount } from "./start-view";
import { transfer } from "./transfer";

const AT_ONCE = 2;

export class Desk {
  readonly items = new Store<readonly Item[]>([]);
  readonly #owner: Owner;
  readonly #owners = new Map<string, Owner>();

  constructor(owner: Owner) {
    this.#owner = owner;
    let before = choice.value;
    const changed = (now: Choice) => {
      const other = now.output !== before.output || now.quality !== before.quality;
      before = now;
      if (other) this.#priceAnew();
      void this.#moveOn();
    };
    owner.hold(choice.subscribe(changed));
  }

  async addFiles(files: readonly File[]): Promise<void> {
    const site = await siteFacts();
    // The rest of what was sent in part takes its place: no further song.
    this.items.change((all) => all.filter((old) => !isOneOf(old, files)));
    const room = Math.max(0, site.plan.max_files_at_once - this.#unfinished());
    const items = files.map((file, index) =>
      newItem(file, index < room ? tooLarge(file.size, site.plan) : tooMany(site.plan)),
    );
    this.items.change((all) => [...all, ...items]);
    for (const item of items) void this.#look(item, site);
  }

  addUrl(url: string): void {
    const name = decodeURIComponent(url.split(/[?#]/)[0]?.split("/").pop() ?? "") || url;
    const item: Item = { ...blank(name), url, state: { at: "chosen" } };
    this.items.change((all) => [...all, item]);
    void this.#moveOn();
  }

  // A song that is there already: sent before, and never started.
  addSent(upload: {
    id: string;
    name: string;
    size_bytes: number | null;
    duration_s: number | null;
  }) {
    const { id, ...facts } = upload;
    const item: Item = { ...blank(facts.name), ...facts, state: { at: "sent", upload_id: id } };
    this.items.change((all) => [...all, item]);
    void this.#price(item.key, id);
  }

  // A song of which a part is there: the same file, chosen again, goes on.
  addBroken(upload: Schema<"UploadAnswer">): void {
    const { id, name, size_bytes, received_bytes } = upload;
    const state: ItemState = { at: "broken", upload_id: id, sent_bytes: received_bytes };
    this.items.change((all) => [...all, { ...blank(name), size_bytes, state }]);
  }

  remove(key: string): void {
    const item = this.#find(key);
    this.#owners.get(key)?.end();
    this.#owners.delete(key);
    this.items.change((all) => all.filter((other) => other.key !== key));
    const id = item !== undefined && "upload_id" in item.state ? item.state.upload_id : null;
    // Best effort: what stays is removed by the server's own clock.
    if (id !== null)
      void ask("delete", "/v1/uploads/{upload_id}", { place: { upload_id: id } }).catch(() => null);
    void this.#moveOn();
  }

  retry(key: string): void {
    const item = this.#find(key);
    if (item?.state.at !== "failed") return;
    const { upload_id } = item.state;
    this.#set(key, upload_id === null ? { at: "chosen" } : { at: "sent", upload_id });
    if (upload_id === null) void this.#moveOn();
    else void this.#price(key, upload_id);
  }

  async start(): Promise<void> {
    for (const item of this.items.value.filter(isReady)) await this.#start(item);
  }

  #unfinished(): number {
    return this.items.value.filter((item) => item.state.at !== "refused").length;
  }

  #find(key: string): Item | undefined {
    return this.items.value.find((item) => item.key === key);
  }

  #set(key: string, state: ItemState, more: Partial<Item> = {}): void {
    this.items.change((all) =>
      all.map((item) => (item.key === key ? { ...item, ...more, state } : item)),
    );
  }

  async #look(item: Item, site: SiteFacts): Promise<void> {
    if (item.state.at === "refused" || item.file === null) return;
    const duration_s = await durationOf(item.file, this.#owner);
    const why = tooLong(duration_s, site.plan);
    this.#set(item.key, why === null ? { at: "chosen" } : { at: "refused", why }, { duration_s });
    await this.#moveOn();
  }

  // Sends what is chosen, as far as the rights are confirmed, and a few at a time.
  async #moveOn(): Promise<void> {
    if (!choice.value.rights) return;
    const sending = this.items.value.filter(isBusy).length;
    const next = this.items.value.filter(({ state }) => state.at === "chosen");
    for (const item of next.slice(0, Math.max(0, AT_ONCE - sending))) void this.#send(item);
  }

  #priceAnew(): void {
    for (const { key, state } of this.items.value) {
      if (state.at === "priced") void this.#price(key, state.upload_id);
    }
  }

  async #send(item: Item): Promise<void> {
    const owner = new Owner();
    const release = this.#owner.hold(() => owner.end());
    this.#owners.set(item.key, owner);
    try {
      const upload_id =
        item.file === null ? await this.#fetch(item) : await this.#transfer(item, owner);
      this.#set(item.key, { at: "sent", upload_id });
      await this.#price(item.key, upload_id);
    } catch (error) {
      // A file does not change by being sent again; what is at an address may.
      if (item.file !== null && isAboutTheFile(error))
        this.#set(item.key, { at: "refused", why: wordsFor(error) });
      else if (!isAbort(error)) this.#fail(item.key, error, null);
    } finally {
      release();
      void this.#moveOn();
    }
  }

  async #transfer(item: Item, owner: Owner): Promise<string> {
    let [sent_bytes, broken] = [0, false];
    const show = () => this.#set(item.key, { at: "sending", sent_bytes, broken });
    show();
    await becomeSomebody();
    return transfer(item.file as File, owner, {
      sent: (bytes) => {
        sent_bytes = bytes;
        if (bytes === item.size_bytes) this.#set(item.key, { at: "examining" });
        else show();
      },
      waiting: (isWaiting) => {
        if (isWaiting !== broken) {
          broken = isWaiting;
          show();
        }
      },
    });
  }

  async #fetch(item: Item): Promise<string> {
    this.#set(item.key, { at: "fetching" });
    await becomeSomebody();
    const upload = await ask("post", "/v1/uploads/from-url", { body: { url: item.url ?? "" } });
    this.items.change((all) =>
      all.map((other) => (other.key === item.key ? { ...other, name: upload.name } : other)),
    );
    return upload.id;
  }

  async #price(key: string, upload_id: string): Promise<void> {
    const asked = order(upload_id);
    try {
      const price = await quote(asked);
      // The answer to a choice that has changed meanwhile comes too late.
      if (asked.output !== choice.value.output || asked.quality !== choice.value.quality) {
        await this.#price(key, upload_id);
        return;
      }
      this.#set(key, { at: "priced", upload_id, quote: price }, { duration_s: price.duration_s });
    } catch (error) {
      this.#fail(key, error, upload_id);
    }
  }

  async #start(item: Item): Promise<void> {
    if (item.state.at !== "priced") return;
    const { upload_id, quote: shown } = item.state;
    this.#set(item.key, { at: "starting", upload_id });
    try {
      const body = { ...order(upload_id), expected_price: shown.price.amount };
      const job = await place(body, `${upload_id}-${Date.now()}`);
      this.items.change((all) => all.filter((other) => other.key !== item.key));
      put(job);
    } catch (error) {
      this.#fail(item.key, error, upload_id);
    }
  }

  #fail(key: string, error: unknown, upload_id: string | null): void {
    const code = error instanceof ApiError ? error.code : "unreachable";
    this.#set(key, { at: "failed", why: tooFew(error) ?? wordsFor(error), code, upload_id });
  }
}

const ABOUT_THE_FILE: readonly string[] = [
  "unsupported_audio",
  "corrupt_audio",
  "empty_audio",
  "audio_too_long",
  "upload_too_large",
];

const isAboutTheFile = (error: unknown): boolean =>
  error instanceof ApiError && ABOUT_THE_FILE.includes(error.code);

// What is missing, and what waits for a click in a mail.
function tooFew(error: unknown): string | null {
  if (!(error instanceof ApiError) || error.code !== "payment_required") return null;
  const { missing, unit, withheld } = error.details;
  if (typeof missing !== "number" || (unit !== "song" && unit !== "second")) return null;
  const told = t("uploader.too_few", { missing: amount(missing, unit) });
  const waits = (withheld as { reason?: string } | undefined)?.reason === "unconfirmed";
  return waits ? `${told} ${t("uploader.free_waits")}` : told;
}

function order(upload_id: string): Order {
  const { output, quality } = choice.value;
  return { upload_id, output, quality } as Order;
}

// The rest of a file that was sent in part takes its place.
const isOneOf = (item: Item, files: readonly File[]): boolean =>
  item.state.at === "broken" &&
  files.some((file) => file.name === item.name && file.size === item.size_bytes);

const blank = (name: string) => ({
  key: newKey(),
  name,
  file: null,
  url: null,
  size_bytes: null,
  duration_s: null,
});

function newItem(file: File, why: string | null): Item {
  // "chosen" only after a look at its length: see #look.
  const state: ItemState = why === null ? { at: "examining" } : { at: "refused", why };
  return { ...blank(file.name), file, size_bytes: file.size, state };
}
