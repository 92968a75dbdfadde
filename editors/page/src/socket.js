// The way to the server of `archdsl serve`. The token comes in the address, and is kept for this window alone.

const KEPT = "archdsl-token";
const AGAIN = 1000; // milliseconds until the next try after the connection was lost

function token() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEPT) ?? "";
}

// Calls `received` with each message, and `lost(opened)` when there is no connection: `opened` tells whether there was one.
export function openSocket({ received, lost }) {
  const known = token();
  let socket = null;
  const open = () => {
    let opened = false;
    socket = new WebSocket(`ws://${location.host}/socket`, known ? ["archdsl", known] : ["archdsl"]);
    socket.onopen = () => (opened = true);
    socket.onmessage = (event) => received(JSON.parse(event.data));
    socket.onclose = () => {
      lost(opened);
      setTimeout(open, AGAIN);
    };
  };
  open();
  const send = (message) => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };
  return {
    ask: (number, question) => send({ kind: "ask", number, question }),
    save: (text, version, overwrite) => send({ kind: "save", text, version, overwrite }),
  };
}
