# JitForger.pm: what an attacker does who has everything but the anchors: the tables, the data files and the signing key. Changes the ledger, and
# signs every checkpoint again, so that it agrees with itself.
package JitForger;

use strict;
use warnings;
use Digest::SHA qw(sha256);
use Exporter 'import';
use MIME::Base64 qw(encode_base64 decode_base64);

our @EXPORT = qw(sign_again);

sub root {
    my (@leaves) = @_;
    return sha256('') unless @leaves;
    return $leaves[0] if @leaves == 1;
    my $left = 1;
    $left *= 2 while $left * 2 < @leaves;
    return sha256("\x01" . root(@leaves[0 .. $left - 1]) . root(@leaves[$left .. $#leaves]));
}

# sql: a function that runs one statement; key: the file with the private key; vkey: the public one.
sub sign_again {
    my ($sql, $key, $vkey, $folder) = @_;
    my @leaves = map { sha256("\x00" . pack 'H*', $_) } split /\n/, $sql->(q{SELECT encode(record, 'hex') FROM jit.ledger ORDER BY seq});
    my ($origin, $hash) = $vkey =~ /^([^+]+)\+([0-9a-f]{8})\+/;
    for my $size (split /\n/, $sql->('SELECT tree_size FROM jit.checkpoints')) {
        if ($size > @leaves) { $sql->("DELETE FROM jit.checkpoints WHERE tree_size = $size"); next }
        my $text = "$origin\n$size\n" . encode_base64(root(@leaves[0 .. $size - 1]), '') . "\n";
        open my $out, '>:raw', "$folder/text" or die "text: $!\n";
        print {$out} $text;
        close $out;
        system('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', $key, '-in', "$folder/text", '-out', "$folder/signature") == 0 or die "openssl failed\n";
        open my $in, '<:raw', "$folder/signature" or die "signature: $!\n";
        my $signature = do { local $/; <$in> };
        my $note = "$text\n\xe2\x80\x94 $origin " . encode_base64(pack('H*', $hash) . $signature, '') . "\n";
        $sql->("UPDATE jit.checkpoints SET note = convert_from('\\x" . unpack('H*', $note) . "', 'UTF8') WHERE tree_size = $size");
    }
    $sql->('UPDATE jit.ledger_state SET tree_size = ' . scalar(@leaves) . ', signed_size = (SELECT max(tree_size) FROM jit.checkpoints)');
    return;
}

1;
