// Reads {url, headers, options} from standard input, asks the token endpoint there as livekit-client does, and prints
// what it hands to a room; or says why not and exits 1.
import { text } from "node:stream/consumers";
import { TokenSource } from "livekit-client";

const { url, headers, options } = JSON.parse(await text(process.stdin));
try {
  const { serverUrl, participantToken } = await TokenSource.endpoint(url, { headers }).fetch(options);
  console.log(JSON.stringify({ serverUrl, participantToken }));
} catch (error) {
  console.error(String(error).replaceAll(/\s+/g, " "));
  process.exitCode = 1;
}
