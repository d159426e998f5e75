import { useQuery } from "../session";
import { useAgain } from "../parts/use-again";
import { LIVE_FACTS } from "./deployment-queries";
import { tellLive } from "./words";

/** How RunComfy runs it at the moment, as long as it is on the screen. */
export function LiveFacts({ id, isShown }: { readonly id: string; readonly isShown: boolean }) {
  const { data, error, ask } = useQuery(LIVE_FACTS, { id }, isShown);
  useAgain(ask, isShown);

  const live = data?.deployment?.live;
  return (
    <section className="deployment-live">
      <h3>At RunComfy</h3>
      {live && (
        <dl>
          {tellLive(live).map(([name, words]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
      )}
      {!live && !data && !error && <p className="faint">Asking…</p>}
      {data && !live && (
        <p className="faint">
          RunComfy does not know this deployment, or can't be asked at the moment. It is asked again
          by itself.
        </p>
      )}
      {error && !live && <p role="alert">{error.message}</p>}
    </section>
  );
}
