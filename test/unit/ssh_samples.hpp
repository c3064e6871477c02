// ssh_samples.hpp: zone P. Keys and signatures that OpenSSH 9.2 made: ssh-keygen -Y sign -n jit_guard of the seven bytes "message".
#pragma once

#include <string>

namespace jit::unit {

inline const std::string ed25519_key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPOnwrFzD0/jvBDw31id1hFzsOD+j1DXKs5XqDggCIJv alice@example";
inline const std::string ed25519_signature =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg86fCsXMPT+O8EPDfWJ3WEXOw4P\n"
    "6PUNcqzleoOCAIgm8AAAAJaml0X2d1YXJkAAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1l\n"
    "ZDI1NTE5AAAAQA49GW2ZCliZxJgcHp8CX11d/cfwOZoNSLuQepr/phpPf4nvuTQaRZbVTD\n"
    "5NCQwd1OAJl2faUZCmtcmIYiDzJAM=\n"
    "-----END SSH SIGNATURE-----\n";
inline const std::string ecdsa_key =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPDbuANwlR44BtomNHQn4bjIJ05y"
    "Av0mHOHRIJa9xDzaXMNWIneYzIni7vbmfJyKlzgBOVD4zeuL4oNwhB7THcA= alice@example";
inline const std::string ecdsa_signature =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE\n"
    "EE8Nu4A3CVHjgG2iY0dCfhuMgnTnIC/SYc4dEglr3EPNpcw1Yid5jMieLu9uZ8nIqXOAE5\n"
    "UPjN64vig3CEHtMdwAAAAAlqaXRfZ3VhcmQAAAAAAAAABnNoYTUxMgAAAGMAAAATZWNkc2\n"
    "Etc2hhMi1uaXN0cDI1NgAAAEgAAAAgRUehwLEZRI3splltFfXzqCCfUa7JFexOiF450Yxk\n"
    "WFEAAAAgCQJrU2E84tN48lvnkXYYQcY8KsaQYRqqPDRHWl2ckGw=\n"
    "-----END SSH SIGNATURE-----\n";
inline const std::string rsa_key =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCf/PsNkrm9VKfd28tfuojqGGdLbmrSynjdlFbEjhECNl/uqx6Kl61CuYJduinU"
    "P9Z+9ZItyvG/VRb+Chz2Iu++bo8/ocUtJNY6PF1uFWb/eVBqJlxjir/TYi1L7TbI+azYT3MpEUx3SS6l0SOfkNnvRnjMCzLHVYqN"
    "0VzErvqJ0Oia0tb22M0HoP2MocVnW0oRpYcWw0OBAwKmK5J2VrBeDpz5XGg3A93F5Vx0dURaV8Lckk/u0g9yIB2BtWW6tt2ddOt1"
    "4IlCw8ljV7N7Fo15iMtZKbJDgNNRBTXkG18rD+o1EgUe4X2oBSmGAqQvOuHztxVHN37lmJi7oucSlkeaYRaVsV9qG/XLcFUcfq/p"
    "134uc18ER3rqZIjIUITGfpua6aeJx1J5pvuc+4O5mbb1YDLYFyFxcAREOair4VqL/bD770Fs3UCedpIz6FE5mvZvOUIVDpJ5jE8L"
    "8aEcSVIh6rnmRc+sFs14EiLBZfG+56rSHvXXVyHBVEqTMVxf7Ic= alice@example";
inline const std::string rsa_signature =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAAZcAAAAHc3NoLXJzYQAAAAMBAAEAAAGBAJ/8+w2Sub1Up93by1+6iO\n"
    "oYZ0tuatLKeN2UVsSOEQI2X+6rHoqXrUK5gl26KdQ/1n71ki3K8b9VFv4KHPYi775ujz+h\n"
    "xS0k1jo8XW4VZv95UGomXGOKv9NiLUvtNsj5rNhPcykRTHdJLqXRI5+Q2e9GeMwLMsdVio\n"
    "3RXMSu+onQ6JrS1vbYzQeg/YyhxWdbShGlhxbDQ4EDAqYrknZWsF4OnPlcaDcD3cXlXHR1\n"
    "RFpXwtyST+7SD3IgHYG1Zbq23Z1063XgiULDyWNXs3sWjXmIy1kpskOA01EFNeQbXysP6j\n"
    "USBR7hfagFKYYCpC864fO3FUc3fuWYmLui5xKWR5phFpWxX2ob9ctwVRx+r+nXfi5zXwRH\n"
    "eupkiMhQhMZ+m5rpp4nHUnmm+5z7g7mZtvVgMtgXIXFwBEQ5qKvhWov9sPvvQWzdQJ52kj\n"
    "PoUTma9m85QhUOknmMTwvxoRxJUiHqueZFz6wWzXgSIsFl8b7nqtIe9ddXIcFUSpMxXF/s\n"
    "hwAAAAlqaXRfZ3VhcmQAAAAAAAAABnNoYTUxMgAAAZQAAAAMcnNhLXNoYTItNTEyAAABgA\n"
    "Dzeq6Xm7Bokv3m7Yzo0C4T5fs4s26A4phR8aV/RqXeJ5uXtEI5uOO0bCqBdzkVTm5tgruf\n"
    "TtnJc7tnO3oyuTpmMJKu7OEauzbAJht2yHHdphWrselEKJA4mHoc6uOm81lLXpfgFheVuk\n"
    "6buehkQiTCOPUz6kvHXJNwJGudoVbSj/RvuZMMmcbMcpvHs09+GWkMPM0+JSETBnwqjkbM\n"
    "1gTtybgmI8K6/RIWcowUfwKS2c9PPsEK81nR+bhknMBq1kA6jsWlGV9XDYaFkjjf1H3N8B\n"
    "zhYKcy/PnASdPQEpcWAsE7H5miV/fZ2OA+6kwkQoWfgyR8OodXJc8/f8Hubk3BbQoT/nO7\n"
    "pagtkvnLpsyPs8WgJE7D0ubMwOklmBq/iWWDsLdiMN/xnXHVAsBBNB6LCTr3ZszRVyj+TQ\n"
    "xNJMogSWBjBifCtTm0Hrd/Vmu8ojk2pTxCGvgpznIhNJed9QbeCevx9qQsJlcnDRdqCV2O\n"
    "Vr6TQhooN8wG9lRRo201vQ==\n"
    "-----END SSH SIGNATURE-----\n";
// By the same Ed25519 key: with SHA-256, and for another purpose.
inline const std::string sha256_signature =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg86fCsXMPT+O8EPDfWJ3WEXOw4P\n"
    "6PUNcqzleoOCAIgm8AAAAJaml0X2d1YXJkAAAAAAAAAAZzaGEyNTYAAABTAAAAC3NzaC1l\n"
    "ZDI1NTE5AAAAQAKVwCgRaXTvasjsO0HmoawZKfbydK1JkaN2rieHNxiIXUAuWd9EJUgk81\n"
    "Lg1CQke7uNz1gxkgeo4LmLtSlp3AQ=\n"
    "-----END SSH SIGNATURE-----\n";
inline const std::string file_signature =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg86fCsXMPT+O8EPDfWJ3WEXOw4P\n"
    "6PUNcqzleoOCAIgm8AAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx\n"
    "OQAAAEBcFAdZ3o5P+fWygBIkiYQD647ZeNC+czq277ad7uh/GpJsJ0As/X3XBv1cBJfBab\n"
    "b5kp7jDhKeGMFiwTNLAr0J\n"
    "-----END SSH SIGNATURE-----\n";
// Keys that are refused.
inline const std::string p384_key =
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBLYkjW/7ihQzlAIlBHZ5VYnHQ6kZ"
    "sxo8B6/ASjq8WT5Izkky80cnZiiB00OJwZVu5ayJpfj922oklV4UmGZ/mg4QOgLkOzSXe/6kHXNwvSOCB9TqVyq1v1sHzMu7dhq9"
    "nQ== x";
inline const std::string dsa_key =
    "ssh-dss AAAAB3NzaC1kc3MAAACBAJgTHpF8mkmWvaAjt0ttx0lSJ0zr4cjqBtsXMD5hqJEggXJ4qm68pbOBNsTI80r0gRO02SMV"
    "YxTne8dSm1lEK071pYjXIqul+dyNQQ2ISCYlJbaVMQteyJez4HdWwJOIn2F05DWynhJMsd3wAN23PQU/MQ799vKbVO7r7MDcPh1D"
    "AAAAFQCOp+IR0VbjaciXmD9+epLl4DOijwAAAIBQPlGPeND7/uY5JE+6CFd4ms4F53NHKR3APnMpj6CrMLugNXqSrXLwrcGcfDAI"
    "rlNrL8xZsjhOkUGh+ULcAhIxce4ED+XeQTkpvVM0c2Z8UhJb6PGbnrkLSP+yfp4V958quA0NJtQtbaJCPYR5pm3lkAjUqPTmjHzq"
    "sqI9A1Y04wAAAIEAi6sxZeT3xPjUzhvQzrexf8ZW00VjLEnPS/dlIq2s95OLfchBUGp7f8G0D6UB8Ci5wAClRunYrzijUR8Ouy/m"
    "ceY+6rc+fHJjya4lfrGn52CEY5AQnQUGugiRyp/kLKbb/pS+kFfNzY28yxGoCOllF7bW+8P6/nTnFBdtwvMt5rM= x";

} // namespace jit::unit
