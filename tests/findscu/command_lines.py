"""Command lines that end before any connection, for findscu and for ours."""

from __future__ import annotations

REFUSED = """
localhost
localhost 104
localhost 0 -k a
localhost 65536 -k a
localhost 99999999999999999999 -k a
localhost abc -k a
localhost '' -k a
localhost -1 -k a
localhost 0x10 -k a
a b c d
--ver localhost 104
--bogus localhost 104 -k a
--help --bogus
--bogus --help
-odd=1 localhost 104
-k=a a 1
--key=a a 1
-K a 1
-w a 1 -k x
-- localhost 1 -k a
-.5 localhost 1 -k a
localhost 1 -5
localhost 1 -k a +5x
-aet
--version -k
+cc -aet
+pw
localhost 104 -k
localhost 1 -k a +tls x
localhost 1 -k a +tla +pw
localhost 1 -k a -Xs
localhost 1 -k a -X -od
localhost 1 -k a -ll
localhost 1 -k a -ll bogus
localhost 1 -k a -ll ''
localhost 1 -k a -ll 'info '
localhost 1 -k a -ll info -ll bogus
localhost 1 -k a -q -ll warn
localhost 1 -k a -ll bogus -v
localhost 1 -k a -lc nofile
localhost 1 -k a -lc ''
localhost 1 -k a -lc folder
localhost 1 -k a -lc good.cfg -v
localhost 1 -k a -v -lc good.cfg
localhost 1 -k a -lc nofile -v
localhost 1 -k a -lc good.cfg -ll info
localhost 1 -k a -lc good.cfg -ll info -v
-ll bogus a x
-ll bogus a
localhost 1 -k a +cl 3
localhost 1 -k a +cl 10
localhost 1 -k a -xd +cl 10
localhost 1 -k a -xd +cl -1
localhost 1 -k a -xd +cl 010
localhost 1 -k a -pdu 0x4000
localhost 1 -k a -xd +cl x
localhost 1 -k a -xd +cl ''
localhost 1 -k a -xd -xi +cl 9
localhost 1 -k a -xd +cl 3 -xe
localhost 1 -k a -to 0
localhost 1 -k a -to -1
localhost 1 -k a -to x
localhost 1 -k a -to 08
localhost 1 -k a -to 0x
localhost 1 -k a -ts -2
localhost 1 -k a -ts x
localhost 1 -k a -ta 0
localhost 1 -k a -td -5
localhost 1 -k a -td ''
localhost 1 -k a -td 3 -td x
localhost 1 -k a -pdu 100
localhost 1 -k a -pdu 4095
localhost 1 -k a -pdu 131073
localhost 1 -k a -pdu -1
localhost 1 -k a -pdu x
localhost 1 -k a --repeat 0
localhost 1 -k a --repeat -1
localhost 1 -k a --repeat x
localhost 1 -k a --repeat 1 --repeat 0
localhost 1 -k a --cancel -1
localhost 1 -k a --cancel x
localhost 1 -k a -Xlo 3
localhost 1 -k a -X -Xlo 0
localhost 1 -k a -X -Xlo -1
localhost 1 -k a -X -Xlo x
localhost 1 -Xlo 2
localhost 1 +pw b -Xlo 2
-Xlo 2
-Xlo 2 -k
localhost 1 -k a -X -od nofolder
localhost 1 -k a -Xx -od empty.dcm
localhost 1 -k a -Xs a.xml -od ''
localhost 1 nofile.dcm
localhost 1 ''
localhost 1 -k x empty.dcm nofile.dcm
localhost 1 -k a +ps
localhost 1 -k a +pw x
localhost 1 -k a -pw
localhost 1 -k a -pem
localhost 1 -k a -der
localhost 1 -k a +cf x
localhost 1 -k a +cd x
localhost 1 -k a +crl x
localhost 1 -k a +crv
localhost 1 -k a +cra
localhost 1 -k a +py
localhost 1 -k a +px
localhost 1 -k a +pz
localhost 1 -k a +pn
localhost 1 -k a +cs x
localhost 1 -k a +rs x
localhost 1 -k a +ws
localhost 1 -k a +wf x
localhost 1 -k a -rc
localhost 1 -k a -ic
localhost 1 -k a -tls -ic
localhost 1 -k a +tla -tls -ic
localhost 1 -k a +tla +ps
localhost 1 -k a +tla +pw x
localhost 1 -k a +tla -pw
localhost 1 -k a +tla +ws
localhost 1 -k a +tla +wf x
localhost 1 -k a +tla +pz +cs TLS_RSA_WITH_AES_128_CBC_SHA
@nofile
--bogus @nofile
@@x
@
--arguments
@empty.txt --arguments
@nested.txt
@words.txt
-k @words.txt localhost 1
-aet @good.txt
"""
"""Each of them ends with exit code 1 and one message."""

ANSWERED = """
--help
-h
--version
localhost 1 -k a --help
--help --version
--version --help
--help +cc
@empty.txt
"""
"""Each of them prints something and ends with exit code 0."""

ACCEPTED = """
localhost 1 -k a
localhost +1 -k a
localhost ' 1' -k a
localhost 1x -k a
localhost 000001 -k a
-aet -v localhost 1 -k a
-k -k localhost 1
-k a localhost -v 1
localhost 1 -k ''
localhost 1 -k a -td +5
localhost 1 -k a -td ' 5'
localhost 1 -k a -td 5.5
localhost 1 -k a -td 5x
localhost 1 -k a -td 010
localhost 1 -k a -td 0x10
localhost 1 -k a -ts -01
localhost 1 -k a -td x -td 3
localhost 1 -k a -td 99999999999
localhost 1 -k a -ts -1
localhost 1 -k a -ts 0
localhost 1 -k a --cancel 0
localhost 1 -k a --repeat 0 --repeat 1
localhost 1 -k a -pdu 4096
localhost 1 -k a -pdu 131072
localhost 1 -k a -xd +cl 9
localhost 1 -k a -xi -xd +cl 3.7
localhost 1 -k a -X -Xx -Xs f.xml -Xlo 2
localhost 1 -k a -od nofolder -od . -X
localhost 1 -k a -od nofolder
localhost 1 -k a -ll FATAL
localhost 1 -k a -ll Debug
localhost 1 -k a -q -v -d -q
localhost 1 -k a +tla +ws +rs empty.dcm
localhost 1 -k a +tla -ic -rc -ic
localhost 1 -k a +tla +pz +pn +cs TLS_RSA_WITH_NULL_SHA
localhost 1 -k a -P -S -O -W
localhost 1 -k a -u +u -sr +sr -dc +dc
localhost 1 empty.dcm
localhost 1 empty.dcm -k a empty.dcm
@good.txt
"""
"""Each of them gets as far as a connection, which is refused: exit code 2."""
