// An installation of the built program in a directory of its own: commands, `serve`, a practice
// gateway with what it was given to send. It knows no browser.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pass } from "node:timers/promises";

const PROGRAM = resolve(process.env.TONGLUO_PROGRAM ?? "target/debug/tongluo");
export const ROOT = "330281000000";
export const PASSWORD = "防汛值班室的密码一二三";

/** Asks until something is found; what was asked for is named where it never comes. */
export async function until(what, seconds, ask) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await pass(100);
  }
}

/** A port that nobody listens on, below those which outgoing connections are given meanwhile. */
async function freePort() {
  const isFree = (port) => new Promise((done) => {
    const server = createServer().once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (await isFree(port)) return port;
  }
}

export class Office {
  processes = [];
  folder = mkdtempSync(join(tmpdir(), "tongluo-browser-"));
  // Nothing of the environment but what a program needs to run.
  env = { PATH: process.env.PATH, LANG: "C.UTF-8", TONGLUO_PRACTICE_SECRET: "practice-token" };

  /** With a key, a schema and a made-up town, but without an account. */
  static async found(households) {
    const office = new Office();
    office.write("tongluo.toml", "[installation]\npractice = true\n");
    await office.does("", "key new");
    const made = `roster generate --households ${households} --seed 7 --out roster`;
    await office.does("", made);
    await office.does("", "migrate");
    await office.does("", "roster import roster");
    return office;
  }

  /** Serving, with a practice gateway whose numbers nobody answers. */
  static async open(households) {
    const office = await Office.found(households);
    await office.does("", `user add 管理 --role admin@${ROOT}`);
    for (const [name, ...roles] of [
      ["陈制作", "author"],
      ["李签发", "approver", "desk"],
      ["周受理", "desk"],
    ]) {
      const held = roles.map((role) => `${role}@${ROOT}`).join(" ");
      await office.does("管理", `user add ${name} --role ${held}`);
    }
    for (const name of ["管理", "陈制作", "李签发", "周受理"]) {
      await office.does("管理", `user passwd ${name}`, `${PASSWORD}\n`);
    }
    await office.serve();
    return office;
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  log(name) {
    return readFileSync(join(this.folder, `${name}.log`), "utf8");
  }

  /** Rows of a roster file by the names of its columns. */
  roster(file) {
    const text = readFileSync(join(this.folder, "roster", file), "utf8");
    const [head, ...lines] = text.trim().split("\n").map((line) => line.trim().split(","));
    return lines.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at]])));
  }

  places(kind) {
    return this.roster("places.csv").filter((row) => row.kind === kind).map((row) => row.code);
  }

  /** One command that succeeds: the JSON it gives. `by`: the account it acts as. */
  does(by, words, input = "") {
    const args = [...words.split(" "), "--json", ...(by ? ["--as", by] : [])];
    return new Promise((done, failed) => {
      const child = spawn(PROGRAM, args, { cwd: this.folder, env: this.env });
      let [out, fault] = ["", ""];
      child.stdout.on("data", (part) => (out += part));
      child.stderr.on("data", (part) => (fault += part));
      child.on("error", failed);
      child.on("close", (code) => {
        if (code !== 0) failed(new Error(`${words}: ${code}: ${out}${fault}`));
        else done(JSON.parse(out));
      });
      // Who refuses reads nothing; its own words are told above.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }

  /** A process of ours with a log of its own. */
  begin(name, words) {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const how = { cwd: this.folder, env: this.env, stdio: ["ignore", log, log] };
    const child = spawn(PROGRAM, ["--json", ...words], how);
    closeSync(log);
    this.processes.push(child);
    return child;
  }

  /** Waits for a line of a process's log. */
  async says(name, child, words) {
    const line = await until(`${name} says ${words}`, 240, () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended:\n${this.log(name)}`);
      return this.log(name).split("\n").find((line) => line.includes(words));
    });
    return JSON.parse(line).fields;
  }

  async serve() {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    const hook = `${this.url}/hooks/practice`;
    const words = ["practice", "gateway", "--listen", "127.0.0.1:0", "--hook", hook];
    const gateway = this.begin("gateway", words);
    const { address } = await this.says("gateway", gateway, "practice gateway");
    this.gateway = `http://${address}`;
    this.write(
      "tongluo.toml",
      `[installation]\npractice = true\n[web]\nlisten = "127.0.0.1:${port}"
public_url = "${this.url}"\n[[provider]]\nkind = "twilio"\nname = "practice"
realm = "practice"\naccount_sid = "AC0123456789"\nauth_token_env = "TONGLUO_PRACTICE_SECRET"
base_url = "${this.gateway}"\nfrom = "+8612700000000"\ncallback_url = "${hook}"\n`,
    );
    const serving = this.begin("serve", ["serve"]);
    await this.says("serve", serving, "listening");
  }

  /** Everything the gateway took: `to`, `text`. */
  async taken() {
    const answer = await fetch(`${this.gateway}/practice/log?limit=10000`);
    const lines = (await answer.text()).trim().split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line)).filter((entry) => entry.taken);
  }

  /** Somebody writes to the office. */
  async writeIn(from, text) {
    const body = JSON.stringify({ from, text });
    const answer = await fetch(`${this.gateway}/practice/inbound`, { method: "POST", body });
    if (!answer.ok) throw new Error(`writing in: ${answer.status}`);
  }

  /** Numbers of whoever answers for a place. */
  leader(place, role = "grid_leader") {
    const duties = this.roster("duties.csv");
    const duty = duties.find((row) => row.place_code === place && row.role === role);
    const human = this.roster("humans.csv").find((row) => row.code === duty.human_code);
    const numbers = human.phones.split(";").map((phone) => `+86${phone}`);
    return { code: human.code, name: human.name, numbers };
  }

  /** The path of the list in the newest text that offered one to these numbers. */
  async listPath(numbers) {
    return until(`a list is offered to ${numbers}`, 240, async () => {
      const texts = (await this.taken()).filter((entry) => numbers.includes(entry.to));
      const offers = texts.map((entry) => /接手回1.*(\/l\/[0-9A-Za-z]+)$/.exec(entry.text));
      return offers.filter(Boolean).at(-1)?.[1];
    });
  }

  /** A household's own page under an alert. */
  async homePath(alert, home) {
    const { link } = await this.does("李签发", `list link ${alert} --home ${home}`);
    return new URL(link).pathname;
  }

  /** Drafted by one, approved by another, from the command line. */
  async release(places, fields = {}) {
    const at = fields.act_by ?? Date.now() + 8 * 60_000;
    const by = new Date(at + 8 * 3_600_000).toISOString().slice(11, 16);
    const { shelter = "四明小学", ...more } = fields;
    const form = {
      kind: "live", origin: "own", hazard: "flood", title: "转移指令", issuer: "余姚市防指",
      template: "move_order", vars: { by, shelter }, act_by: at,
      places, ...more,
    };
    this.write("form.json", JSON.stringify(form));
    const { alert } = await this.does("陈制作", "alert draft --form form.json");
    await this.does("陈制作", `alert submit ${alert}`);
    const { seen } = await this.does("李签发", `alert show ${alert}`);
    await this.does("李签发", `alert approve ${alert} --seen ${seen}`);
    return alert;
  }

  /** What may change only by somebody's act: custody, and the lists with their holders. */
  async books(alert) {
    const audit = await this.does("李签发", `alert audit ${alert}`);
    const { lists } = await this.does("李签发", `alert show ${alert}`);
    return { audit, lists };
  }

  /** Ends what was begun; the directory goes unless something failed. */
  async close(keep = false) {
    for (const child of this.processes.reverse()) {
      if (child.exitCode !== null || child.signalCode) continue;
      const ended = new Promise((done) => child.once("close", done));
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(late);
    }
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
