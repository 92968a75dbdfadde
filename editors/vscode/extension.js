// Starts `archdsl lsp` for the specs that are open, and says what to do where it cannot be started.

const { spawn } = require("node:child_process");
const { setTimeout } = require("node:timers/promises");
const vscode = require("vscode");
const { CloseAction, ErrorAction, LanguageClient } = require("vscode-languageclient/node");

const INSTALL = "pip install --upgrade 'archdsl[lsp]'";

const [COPY, SETTINGS, OUTPUT] = ["Copy the Command", "Open Settings", "Show Output"];
const KEPT = 2_000;
const MOST_ENDS = 4;
const MINUTE = 60_000;
const PATIENCE = 2_000;

let client;
let output;
let ready = false;
let said = "";
let ended;
let ends = [];

/** A client that leaves it to this file what the user is told of a program that does not start, and writes the rest. */
class Client extends LanguageClient {
  error(message, data) {
    super.error(message, data, false);
  }
}

async function activate(context) {
  output = vscode.window.createOutputChannel("archdsl");
  context.subscriptions.push(
    output,
    vscode.commands.registerCommand("archdsl.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("archdsl.command") && restart()),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
  );
  await start();
}

async function restart() {
  await deactivate();
  await start();
}

async function deactivate() {
  const old = client;
  client = undefined;
  if (old) await old.dispose().catch(() => {});
}

async function start() {
  const [program, ...words] = command();
  ready = false;
  said = "";
  try {
    client = new Client("archdsl", "archdsl", () => launched(program, words), options());
    await client.start();
    ready = true;
  } catch (error) {
    await Promise.race([ended, setTimeout(PATIENCE)]);
    await tell(problem(program, error));
  }
}

/** The words of the setting, with the open folder in place of its name. */
function command() {
  const words = vscode.workspace.getConfiguration("archdsl").get("command");
  return words.map((word) => word.replaceAll("${workspaceFolder}", folder() ?? ""));
}

function folder() {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
}

/** The running program. What it says beside the protocol is kept: it tells why a server did not start. */
function launched(program, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd: folder() });
    child.once("error", reject);
    ended = new Promise((done) => child.once("close", done));
    child.once("spawn", () => resolve(child));
    child.stderr.on("data", (text) => (said = (said + text).slice(-KEPT)));
  });
}

function options() {
  return {
    documentSelector: [
      { language: "archdsl", scheme: "file" },
      { language: "archdsl", scheme: "untitled" },
    ],
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.arch") },
    outputChannel: output,
    initializationFailedHandler: () => false,
    errorHandler: { error: () => ({ action: ErrorAction.Continue, handled: true }), closed },
  };
}

/** A server that ends is started again, unless it never began to answer, or ends again and again. */
function closed() {
  ends = [...ends.filter((time) => Date.now() - time < MINUTE), Date.now()];
  if (ready && ends.length < MOST_ENDS) return { action: CloseAction.Restart, handled: true };
  if (ready) tell("archdsl's language server ended several times within a minute. Its output may say why.");
  return { action: CloseAction.DoNotRestart, handled: true };
}

function problem(program, error) {
  if (error.code === "ENOENT") return `The program ${program} was not found. Install it by ${INSTALL}, or say in the settings where it is.`;
  if (error.code === "EACCES") return `The program ${program} may not be executed. Say in the settings which one it is.`;
  if (said.includes("No such command")) return `This archdsl is too old: it has no language server. Install a newer one by ${INSTALL}.`;
  const words = said.trim().split("\n").filter((line) => /\w/.test(line)).slice(0, 2).join(" ").replace(/\s+= help:/, ";");
  return `The language server of ${program} did not start: ${words || error.message}`;
}

async function tell(text) {
  const answer = await vscode.window.showErrorMessage(text, COPY, SETTINGS, OUTPUT);
  if (answer === COPY) await vscode.env.clipboard.writeText(INSTALL);
  if (answer === SETTINGS) await vscode.commands.executeCommand("workbench.action.openSettings", "archdsl.command");
  if (answer === OUTPUT) output.show();
}

module.exports = { activate, deactivate };
