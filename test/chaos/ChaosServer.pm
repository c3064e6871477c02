# ChaosServer.pm: one server of our own that is killed in every way and comes back. A process is only ever killed when it
# is our postmaster, or a child of it that works in our data folder.
package ChaosServer;

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path remove_tree);
use IO::Socket::UNIX;
use JitClient;
use POSIX ();
use Time::HiRes qw(sleep time);

my %running; # pid => server: for the end of an interrupted run
my $owner = $$;
END { my $code = $?; if ($$ == $owner) { $_->stop('QUIT') for values %running } $? = $code }

# new(bin => folder of the programs, dir => short path): a data folder, not started.
sub new {
    my ($class, %how) = @_;
    my ($bin, $dir) = @how{qw(bin dir)};
    remove_tree($dir);
    make_path($dir, {mode => 0700});
    system("'$bin/initdb' -D '$dir/data' -U postgres -A trust -E UTF8 --no-locale --no-sync >'$dir/initdb.log' 2>&1") == 0
        or die "initdb failed, see $dir/initdb.log\n";
    my $self = bless {bin => $bin, dir => abs_path($dir), data => abs_path("$dir/data"), libraries => 'jit_guard'}, $class;
    $self->configure(<<"CONF");
listen_addresses = ''
unix_socket_directories = '$self->{dir}'
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%u '
log_min_error_statement = panic
jit = off
fsync = off
max_connections = 40
superuser_reserved_connections = 5
track_commit_timestamp = on
restart_after_crash = on
jit_guard.control_database = 'app'
jit_guard.expiry_grace = '3s'
CONF
    return $self;
}

sub configure {
    my ($self, $text) = @_;
    open my $out, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!\n";
    print $out $text;
    close $out or die "postgresql.conf: $!\n";
    return;
}

# What JitClient wants of a server.
sub host { return $_[0]{dir} }
sub port { return 5432 }
sub log_name { return "$_[0]{dir}/log" }

sub connects {
    my ($self, $database) = @_;
    return eval {
        my $client = JitClient->new($self, 'postgres', db => $database // 'postgres', may_fail => 1);
        my $good = !$client->{refused} && !$client->{gone};
        $client->close;
        $good;
    };
}

sub wait_ready {
    my ($self) = @_;
    for (1 .. 1200) {
        return if $self->connects;
        die "the server has gone:\n" . `tail -n 20 '$self->{dir}/log'` if $self->{pid} && waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
        sleep 0.05;
    }
    die "the server does not take connections:\n" . `tail -n 20 '$self->{dir}/log'`;
}

sub start {
    my ($self) = @_;
    my $tries = time + 300;
    while (1) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            open STDIN, '<', '/dev/null';
            open STDOUT, '>>', $self->log_name;
            open STDERR, '>&', \*STDOUT;
            setpgrp;
            exec("$self->{bin}/postgres", '-D', $self->{data}, '-c', "shared_preload_libraries=$self->{libraries}") or POSIX::_exit(127);
        }
        @$self{qw(pid)} = ($pid);
        $running{$pid} = $self;
        return if eval { $self->wait_ready; 1 };
        my $why = $@;
        delete $running{$pid};
        delete $self->{pid};
        # Right after a kill of the postmaster its children may still hold the shared memory.
        die $why if $why !~ /has gone/ || time > $tries;
        sleep 0.1;
    }
}

# Processes whose parent is our postmaster: [pid, title].
sub children {
    my ($self) = @_;
    return () if !$self->{pid};
    my @children;
    opendir my $proc, '/proc' or die "/proc: $!\n";
    for my $pid (grep { /^\d+$/ } readdir $proc) {
        open my $stat, '<', "/proc/$pid/stat" or next;
        my ($parent) = (<$stat> // '') =~ /^\d+ \(.*\) \S (\d+)/ or next;
        next if $parent != $self->{pid};
        open my $line, '<', "/proc/$pid/cmdline" or next;
        my $title = <$line> // '';
        $title =~ s/\0.*//s;
        push @children, [$pid, $title];
    }
    return @children;
}

sub is_ours { my ($self, $pid) = @_; return (readlink("/proc/$pid/cwd") // '') eq $self->{data} }

# Sends a signal to one child of the postmaster whose title matches; returns its title.
sub strike {
    my ($self, $signal, $like, $pick) = @_;
    my @them = sort { $a->[0] <=> $b->[0] } grep { $_->[1] =~ $like && $self->is_ours($_->[0]) } $self->children;
    return 'nobody' if !@them;
    my $victim = $them[int($pick * @them)];
    kill $signal, $victim->[0];
    return $victim->[1];
}

# Ends the postmaster with a signal, KILL included, and what it left.
sub stop {
    my ($self, $signal) = @_;
    my $pid = $self->{pid} or return;
    my @children = map { $_->[0] } $self->children;
    kill $signal, $pid;
    my $asked = time;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) { # somebody who waits for ever must not stop the test
        kill 'QUIT', $pid if time > $asked + 30;
        sleep 0.02;
    }
    delete $running{$pid};
    delete $self->{pid};
    if ($signal eq 'KILL') {
        my $end = time + 2;
        while (my @left = grep { $self->is_ours($_) } @children) {
            if (time > $end) { kill 'KILL', $_ for grep { $self->is_ours($_) } @left }
            sleep 0.05;
        }
    }
    return;
}

# One session after the other for one person, outside the chaos; dies of an error.
sub sql {
    my ($self, $sql, $person, $database) = @_;
    my $client = JitClient->new($self, $person // 'checker', db => $database // 'app');
    my $answer = $client->query($sql);
    $client->close;
    die "$sql: $answer->{error}{M} " . ($answer->{error}{D} // '') . "\n" if $answer->{error};
    die "$sql: the server closed the connection\n" if $answer->{gone};
    return $answer->{rows};
}

1;
