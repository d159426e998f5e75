import { useAgain } from "../parts/use-again";
import { useQuery } from "../session";
import { LIVE_FACTS } from "./deployment-queries";
import { tellLive } from "./words";

/** How RunComfy runs it at the moment. */
export function LiveFacts({ id }: { readonly id: string }) {
  const { data, error, ask } = useQuery(LIVE_FACTS, { id });
  useAgain(ask);
  const live = data?.deployment?.live;
  if (live)
    return tellLive(live).map(([name, words]) => [
      <dt key={name}>{name}</dt>,
      <dd key={`${name} words`}>{words}</dd>,
    ]);
  return (
    <>
      <dt>At RunComfy</dt>
      <dd role={error ? "alert" : undefined} className="faint">
        {error?.message ?? (data ? UNKNOWN : "Asking…")}
      </dd>
    </>
  );
}

const UNKNOWN =
  "RunComfy does not know this deployment, or can't be asked at the moment. It is asked again by itself.";
