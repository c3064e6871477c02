-- A month of requests for jit.report(): for a server that runs without the library, with the triggers of jit's tables off. The
-- same in every run, up to the day on which it runs. Names and reasons are as bad as tables can hold them.
SELECT setseed(0.4);
CREATE TEMPORARY TABLE people AS
SELECT row_number() OVER ()::int AS n, name FROM unnest(ARRAY['alice', 'bob', 'carol', 'dmitri', 'élodie', 'fatima', 'grace', 'hiroshi',
    'ivan', 'jörg', '<script>alert("name")</script>', E'"><img src=x onerror=alert(1)>', E'evil\u202Egnp.exe', E'مهندس', repeat('long_name_', 6)]) name;
CREATE TEMPORARY TABLE shelf AS
SELECT row_number() OVER ()::int AS n, p.policy_id, p.name FROM jit.policies p WHERE p.mode <> 'off' ORDER BY p.policy_id;
INSERT INTO jit.requests (policy_id, policy, person, person_name, state, end_reason, actions, objects, narrowed, reason, duration, requested_at,
    pending_until, decided_at, starts_at, ends_at, ended_at, break_glass, review, verdict, reviewed_by, reviewed_at)
SELECT s.policy_id, s.name, 100000 + p.n, p.name, r.state, CASE r.state WHEN 'ended' THEN (ARRAY['expired', 'released'])[1 + i % 2] END, '{SELECT}', '{t}', false,
       E'</title></svg><script>alert("reason")</script>\u202Eneddih & "quotes" \' ' || i, '1 hour', r.at, r.at + '4 hours'::interval,
       CASE WHEN r.state IN ('ended', 'denied') THEN r.at + r.wait END, CASE WHEN r.state = 'ended' THEN r.at + r.wait END,
       CASE WHEN r.state = 'ended' THEN r.at + r.wait + r.held * 1.5 END,
       CASE r.state WHEN 'ended' THEN r.at + r.wait + r.held WHEN 'pending' THEN NULL ELSE r.at + r.wait END, r.state = 'ended' AND i % 41 = 0,
       CASE WHEN r.state <> 'ended' OR i % 41 <> 0 THEN 'none' WHEN i > 380 THEN 'awaiting' ELSE 'done' END,
       CASE WHEN r.state = 'ended' AND i % 41 = 0 AND i <= 380 THEN 'justified' END, CASE WHEN r.state = 'ended' AND i % 41 = 0 AND i <= 380 THEN 'bob' END,
       CASE WHEN r.state = 'ended' AND i % 41 = 0 AND i <= 380 THEN r.at + '1 day'::interval END
  FROM generate_series(1, 420) i
 CROSS JOIN LATERAL (SELECT i AS x, date_trunc('day', now()) - '30 days'::interval + (i * 29 / 420) * '1 day'::interval
                            + (7.5 + 6 * random() + 4 * random()) * '1 hour'::interval AS at, random() AS a, random() AS b, random() AS c) d
 CROSS JOIN LATERAL (SELECT d.at + CASE WHEN EXTRACT(isodow FROM d.at) > 5 AND i % 5 > 0 THEN '2 days'::interval ELSE '0' END AS at,
                            CASE WHEN d.a < 0.78 THEN 'ended' WHEN d.a < 0.86 THEN 'denied' WHEN d.a < 0.92 THEN 'timed_out' WHEN d.a < 0.98 THEN 'cancelled' ELSE 'pending' END AS state,
                            exp(3 + 6 * d.b) * '1 second'::interval AS wait, (0.3 + 9 * d.c ^ 3) * '1 hour'::interval AS held) r
  JOIN people p ON p.n = 1 + floor(15 * (i * 0.618033 - floor(i * 0.618033)) ^ 1.6)
  JOIN shelf s ON s.n = 1 + floor((SELECT count(*) FROM shelf) * (i * 0.414213 - floor(i * 0.414213)) ^ 2)
 WHERE r.at < now();
INSERT INTO jit.votes (request_id, voter, voter_name, vote, voted_at)
SELECT r.request_id, 100001, 'alice', CASE r.state WHEN 'denied' THEN 'deny' ELSE 'approve' END, r.decided_at FROM jit.requests r
 WHERE r.decided_at IS NOT NULL AND NOT r.break_glass;
ANALYZE jit.requests, jit.votes;
