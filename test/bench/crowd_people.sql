-- crowd_people.sql: 300 people, 20 teams, 200 policies. With the library; crowd_rows.sql adds what they did in a year.
CREATE SCHEMA crowd;
GRANT USAGE ON SCHEMA crowd TO PUBLIC;
DO 'BEGIN
    FOR i IN 0..19 LOOP
        EXECUTE format(''CREATE ROLE team_%s'', i);
        EXECUTE format(''CREATE ROLE leads_%s'', i);
        EXECUTE format(''CREATE ROLE lent_%s'', i);
    END LOOP;
    -- Everybody may ask in one team; the first five of each team decide for the next team.
    FOR i IN 0..299 LOOP
        EXECUTE format(''CREATE ROLE person_%s LOGIN IN ROLE team_%s'', i, i % 20);
        IF i < 100 THEN
            EXECUTE format(''GRANT leads_%s TO person_%s'', (i + 1) % 20, i);
        END IF;
    END LOOP;
    CREATE ROLE newcomer LOGIN IN ROLE team_0;
    CREATE ROLE chief LOGIN IN ROLE leads_0, leads_1, leads_2, leads_3, leads_4, leads_5, leads_6, leads_7, leads_8, leads_9;
    CREATE ROLE newlead LOGIN; CREATE ROLE nothing_yet; GRANT nothing_yet TO newlead;
    CREATE ROLE manager LOGIN IN ROLE jit_admin;
    CREATE ROLE inspector LOGIN IN ROLE jit_auditor;
    FOR i IN 0..199 LOOP
        EXECUTE format(''CREATE TABLE crowd.t%s (id int PRIMARY KEY, v text)'', i);
        EXECUTE format(''GRANT SELECT, INSERT, UPDATE, DELETE ON crowd.t%s TO lent_%s'', i, i % 20);
        PERFORM jit.create_policy(format(''policy-%s'', i), actions => ''{READ,WRITE}'', objects => ARRAY[format(''crowd.t%s'', i)],
            lends => format(''lent_%s'', i % 20)::regrole, eligible => ARRAY[format(''team_%s'', i % 20)::regrole],
            approvers => ARRAY[format(''leads_%s'', i % 20)::regrole], approvals => 1 + (i % 4 = 0)::int,
            max_duration => ''8 h'');
    END LOOP;
END';
