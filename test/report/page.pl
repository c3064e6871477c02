# The page of jit.report() in a browser: light, dark, narrow and printed. It has no script, and forbids any to the browser. Each picture is left in JIT_WORK for
# people to look at; what a machine can tell is tested here.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my ($browser) = grep { -x } map { my $dir = $_; map { "$dir/$_" } qw(chromium chromium-browser google-chrome) } split /:/, $ENV{PATH};
plan skip_all => 'there is no chromium' if !$browser;

my $node = new_cluster('report');
sql($node, 'CREATE TABLE t (v int); CREATE TABLE t2 (v int)');
sql($node, qq{SELECT jit.create_policy($_, '{READ}', '{public.t}', eligible => '{staff}', approvers => '{leads}', approvals => 1)})
    for "'payments-read'", "'payments-write'", "'customers'", "'</text><script>alert(2)</script>'", "'a policy with quite a long name that says what it is for'";
sql($node, q{SELECT jit.create_policy('idle since spring', '{READ}', '{public.t2}', eligible => '{staff}', approvers => '{leads}')});

my $folder = "$ENV{JIT_WORK}/report";
remove_tree($folder);
mkdir $folder;
sub write_page {
    my ($name, $page) = @_;
    open my $out, '>:raw', "$folder/$name.html" or die "$name: $!";
    print {$out} $page;
    close $out or die "$name: $!";
    return "$folder/$name.html";
}
my $home = "$folder/home"; # of the browser
sub browse {
    my (@how) = @_;
    my ($out, $err) = ('', '');
    local $ENV{HOME} = $home;
    my $done = IPC::Run::run([$browser, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
        '--disable-extensions', '--disable-background-networking', '--disable-component-update', '--disable-sync',
        "--user-data-dir=$home", @how], '>', \$out, '2>', \$err, IPC::Run::timeout(300));
    return ($done, $out, $err);
}

my $empty = sql($node, q{SELECT jit.report(now() - interval '7 days', now())});
like($empty, qr/Nobody held a right in this time/, 'an empty page says so');

# ---- a month ----
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $triggers = sql($node, q{SELECT format('ALTER TABLE %s %%s TRIGGER %I;', tgrelid::regclass, tgname)
    FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'jit.%' AND NOT tgisinternal});
my @off = map { s/%s/DISABLE/r } split /\n/, $triggers;
my @on = map { s/%s/ENABLE ALWAYS/r } split /\n/, $triggers;
my $scene = slurp_file("$ENV{JIT_WORK}/src/test/report/scene.sql");
sql($node, "@off UPDATE jit.policies SET created_at = now() - '1 year'::interval; $scene @on");
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'jit_guard'");
$node->restart;
my $page = sql($node, 'SELECT jit.report()');
my $file = write_page('report', $page);
write_page('empty', $empty);

# ---- what the text tells ----
like($page, qr/\A<!DOCTYPE html>.*<\/html>\s*\z/s, 'a whole page');
unlike($page, qr/[^\x0a\x20-\x7e]/, 'plain ASCII: the same in every encoding');
unlike($page, qr{<script|<img|<iframe|<link|<object|javascript:|\son\w+\s*=\s*["'a-z]|https?://|url\(|\@import|\bsrc\s*=}i, 'no script, and nothing from elsewhere');
like($page, qr/&#x3C;script&#x3E;alert\(&#x22;name&#x22;\)/, 'markup in names is text');
like($page, qr/evil\[U\+202E\]gnp\.exe/, 'what reorders is named');
my @open = $page =~ /<(section|svg|table|ul|li|text|rect|title|desc|bdi|dl|div|p)\b[^>]*(?<!\/)>/g;
my @shut = $page =~ /<\/(section|svg|table|ul|li|text|rect|title|desc|bdi|dl|div|p)>/g;
my %count;
$count{$_}++ for @open;
$count{$_}-- for @shut;
my @closing_itself = $page =~ /<rect\b[^>]*\/>/g;
is_deeply([grep { $count{$_} } sort keys %count], [], 'what is opened is closed') or diag(join ' ', map { "$_: $count{$_}" } grep { $count{$_} } keys %count);
my @pictures = $page =~ /<svg [^>]*role="img"[^>]*>/g;
like($page, qr/Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/, 'the page forbids script to the browser');
is(scalar @pictures, 4, 'pictures');
my @told = $page =~ /<svg [^>]*role="img" aria-labelledby="(\w+)-t \1-d"><title id="\1-t">[^<]+<\/title><desc id="\1-d">[^<]+<\/desc>/g;
is(scalar @told, scalar @pictures, 'each with a title and a description');

# ---- what the browser tells ----
my ($done, $dom, $err) = browse('--dump-dom', "file://$file");
ok($done, 'the browser reads it') or diag($err);
unlike($dom, qr/<script|<img/i, 'the browser makes no element of what people wrote');
like($dom, qr/<bdi>&lt;script&gt;alert\("name"\)&lt;\/script&gt;<\/bdi>/, 'but shows it');
# Width: a copy with a script of ours, which the page itself would not run.
(my $measured = $page) =~ s/<meta http-equiv="Content-Security-Policy"[^>]*>//;
$measured =~ s{</body>}{<script>document.title = 'width ' + (document.documentElement.scrollWidth - document.documentElement.clientWidth)</script></body>};
my $ruler = write_page('ruler', $measured);
(undef, my $wide) = browse('--window-size=500,900', '--dump-dom', "file://$ruler");
like($wide, qr{<title>width 0</title>}, 'on a small screen nothing sticks out');
my %way = (light => [1280, 1, 'report'], dark => [1280, 0, 'report'], narrow => [500, 1, 'report'], print_width => [794, 1, 'report']);
my %size;
for my $name (sort keys %way) {
    my ($width, $scheme, $what, $height) = (@{$way{$name}}, 4400);
    browse("--blink-settings=preferredColorScheme=$scheme", "--window-size=$width,$height", "--screenshot=$folder/$name.png", "file://$folder/$what.html");
    ok(-s "$folder/$name.png", "a picture: $name");
    $size{$name} = slurp_file("$folder/$name.png");
}
isnt($size{dark}, $size{light}, 'dark is not light');
# Script switched off in the browser: the ruler says nothing, so it is, and the page looks the same to a pixel.
$home = "$folder/no_script";
make_path("$home/Default");
open my $preferences, '>', "$home/Default/Preferences" or die "Preferences: $!";
print {$preferences} '{"profile": {"default_content_setting_values": {"javascript": 2}}}';
close $preferences or die "Preferences: $!";
(undef, my $silent) = browse('--window-size=500,900', '--dump-dom', "file://$ruler");
like($silent, qr{<title>Just-in-time access: app</title>}, 'a browser without script');
browse('--blink-settings=preferredColorScheme=1', '--window-size=1280,4400', "--screenshot=$folder/no_script.png", "file://$file");
ok(slurp_file("$folder/no_script.png") eq $size{light}, 'shows the same page');
browse('--no-pdf-header-footer', "--print-to-pdf=$folder/print.pdf", "file://$file");
ok(-s "$folder/print.pdf", 'it prints');
done_testing();
