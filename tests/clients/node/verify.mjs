// Reads {token, key, secret} from standard input; prints the claims, or says why not and exits 1.
import { text } from "node:stream/consumers";
import { TokenVerifier } from "livekit-server-sdk";

const { token, key, secret } = JSON.parse(await text(process.stdin));
try {
  const claims = await new TokenVerifier(key, secret).verify(token);
  console.log(JSON.stringify(claims));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
