-- weaker.sql: of two policies that guard the same, none may undercut the other unawares: consent and limits are compared.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_askers NOLOGIN;
CREATE ROLE regress_seniors NOLOGIN IN ROLE regress_askers;
CREATE ROLE regress_bosses NOLOGIN;
CREATE ROLE regress_boss LOGIN IN ROLE regress_bosses;
CREATE ROLE regress_senior LOGIN IN ROLE regress_seniors;
CREATE TABLE weak_parts (a int);
SELECT jit.create_policy('strict', '{ALL}', '{public.weak_parts}', eligible => '{regress_askers}', approvers => '{regress_bosses}',
    hours => 'Mon-Fri 08:00-18:00 Europe/Berlin', networks => '{10.0.0.0/8, 192.168.1.0/24}', max_uses => 5,
    break_glass => '{regress_seniors}', break_glass_duration => '10 min');

-- Every term by itself, and all of them together.
\set lax 'SELECT jit.create_policy(''lax'', ''{SELECT}'', ''{public.weak_parts}'', eligible => ''{regress_askers}'', approvers => ''{regress_bosses}'''
\set strong ', hours => ''Tue 09:00-12:00 Europe/Berlin'', networks => ''{10.1.0.0/16}'', max_uses => 5'
:lax );
:lax , hours => 'Mon-Fri 08:00-18:01 Europe/Berlin', networks => '{10.1.0.0/16}', max_uses => 5);
:lax , hours => 'Tue 09:00-12:00 Europe/Paris', networks => '{10.1.0.0/16}', max_uses => 5);
:lax , hours => 'Tue 09:00-12:00 Europe/Berlin', networks => '{10.1.0.0/16, 192.168.0.0/16}', max_uses => 5);
:lax , hours => 'Tue 09:00-12:00 Europe/Berlin', networks => '{10.1.0.0/16}', max_uses => 6);
:lax :strong , approvals => 0);
:lax :strong , break_glass => '{regress_askers}', break_glass_duration => '5 min');
:lax :strong , break_glass => '{regress_seniors}', break_glass_duration => '11 min');
SELECT jit.alter_policy('strict', statement => 'required');
:lax :strong , break_glass => '{regress_seniors}', break_glass_duration => '10 min');
SELECT jit.alter_policy('strict', statement => 'optional');
SELECT jit.alter_policy('strict', require_mfa => 'both');
:lax :strong , break_glass => '{regress_seniors}', break_glass_duration => '10 min', require_mfa => 'requester', mfa_max_age => '4 min');
:lax :strong , break_glass => '{regress_seniors}', break_glass_duration => '10 min', require_mfa => 'both', mfa_max_age => '6 min');
SELECT jit.alter_policy('strict', require_mfa => 'none');
-- At least as strong in everything: a NOTICE only.
:lax :strong , break_glass => '{regress_seniors}', break_glass_duration => '10 min');

-- A change that weakens asks again; one that does not, or that is meant, goes through.
SELECT jit.alter_policy('lax', hours => 'Tue 09:00-19:00 Europe/Berlin');
SELECT jit.alter_policy('lax', hours => 'Tue 09:00-10:00 Europe/Berlin');
SELECT jit.alter_policy('lax', hours => '', weaker => true);

SELECT jit.drop_policy('lax');
SELECT jit.drop_policy('strict');
DROP TABLE weak_parts;
DROP ROLE regress_boss, regress_bosses, regress_senior, regress_seniors, regress_askers;
