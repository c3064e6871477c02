-- monitor.sql: policies in mode monitor on all that one policy can name, and on one object of every other kind.
CREATE EXTENSION jit_guard;
CREATE ROLE jit_peace_people;
CREATE ROLE jit_peace_approver LOGIN;
CREATE FUNCTION public.jit_peace_f(int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';
CREATE SEQUENCE public.jit_peace_s;
SELECT lo_create(4711);
SELECT jit.create_policy('all', '{ALL}', '{*.*}', mode => 'monitor',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}');
SELECT jit.create_policy('objects', '{ALL}', '{schema public, function public.jit_peace_f(int), sequence public.jit_peace_s, large object 4711, database}', mode => 'monitor',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}');
SELECT jit.create_policy('server', '{ALL}', '{server}', mode => 'monitor',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}');
