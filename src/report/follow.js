
// Asks every few seconds whether the run has gone on. A page that nobody looks at waits until somebody does.
async function follow() {
  try {
    const answer = document.hidden ? null : await fetch("/state");
    if (answer?.ok && (await answer.text()) !== STATE) location.reload();
  } catch {
    // Whoever served the page has ended; what is there stays.
  }
}
setInterval(follow, 5000);
document.addEventListener("visibilitychange", follow);
