#include "ssh/private_key.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "ssh/wire.h"

namespace zk::ssh {
namespace {

template <auto free_function>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

struct Curve {
    const char* ssh;      // in "ecdsa-sha2-<ssh>"
    const char* openssl;  // OpenSSL's group name
    const char* digest;
};
constexpr std::array<Curve, 3> kCurves = {{{"nistp256", "prime256v1", "SHA256"},
                                           {"nistp384", "secp384r1", "SHA384"},
                                           {"nistp521", "secp521r1", "SHA512"}}};
constexpr std::string_view kEcdsaPrefix = "ecdsa-sha2-";

const Curve* curve_of_type(std::string_view type) {
    if (!type.starts_with(kEcdsaPrefix)) return nullptr;
    const auto name = type.substr(kEcdsaPrefix.size());
    const auto* found = std::find_if(
        kCurves.begin(), kCurves.end(), [&](const Curve& curve) { return name == curve.ssh; });
    return found == kCurves.end() ? nullptr : found;
}

Error malformed(const std::string& what) { return {Errc::invalid, "malformed key: " + what}; }

const unsigned char* bytes_of(ByteView view) {
    return reinterpret_cast<const unsigned char*>(view.data());
}
Number number_from(ByteView view) {
    return Number(BN_bin2bn(bytes_of(view), static_cast<int>(view.size()), nullptr));
}
Bytes bytes_from(const BIGNUM* number) {
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
    return bytes;
}

Key own(EVP_PKEY* key) {
    return Key(key, [](EVP_PKEY* k) { EVP_PKEY_free(k); });
}

Result<Key> key_from_params(const char* algorithm, OSSL_PARAM_BLD* builder) {
    const Params params(OSSL_PARAM_BLD_to_param(builder));
    const Context context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
    EVP_PKEY* key = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) <= 0) {
        return malformed(std::string("not a valid ") + algorithm + " key");
    }
    return own(key);
}

// ---- public blobs -------------------------------------------------------------------------------

Result<Bytes> rsa_blob(EVP_PKEY* key) {
    BIGNUM* modulus = nullptr;
    BIGNUM* exponent = nullptr;
    const bool got = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
    const Number n(modulus);
    const Number e(exponent);
    if (!got) return malformed("RSA numbers missing");
    Bytes blob;
    append_ssh_string(blob, "ssh-rsa");
    append_ssh_mpint(blob, bytes_from(e.get()));
    append_ssh_mpint(blob, bytes_from(n.get()));
    return blob;
}

Result<Bytes> ecdsa_blob(EVP_PKEY* key, std::string& type) {
    std::array<char, 64> group{};
    std::array<unsigned char, 256> point{};
    std::size_t group_size = 0;
    std::size_t point_size = 0;
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &group_size) != 1 ||
        EVP_PKEY_get_octet_string_param(
            key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &point_size) != 1) {
        return malformed("ECDSA point missing");
    }
    const std::string_view name(group.data(), group_size);
    const auto* curve = std::find_if(
        kCurves.begin(), kCurves.end(), [&](const Curve& c) { return name == c.openssl; });
    if (curve == kCurves.end()) {
        return Error(Errc::invalid, "unsupported curve " + std::string(name));
    }
    type = std::string(kEcdsaPrefix) + curve->ssh;
    Bytes blob;
    append_ssh_string(blob, type);
    append_ssh_string(blob, curve->ssh);
    append_ssh_string(blob, {reinterpret_cast<const char*>(point.data()), point_size});
    return blob;
}

Result<Bytes> ed25519_blob(EVP_PKEY* key) {
    std::array<unsigned char, 32> raw{};
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1) {
        return malformed("Ed25519 public key missing");
    }
    Bytes blob;
    append_ssh_string(blob, "ssh-ed25519");
    append_ssh_string(blob, {reinterpret_cast<const char*>(raw.data()), size});
    return blob;
}

Result<PrivateKey> wrap(Key key) {
    std::string type;
    Result<Bytes> blob = Error(Errc::invalid, "unsupported key type");
    if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
        type = "ssh-rsa";
        blob = rsa_blob(key.get());
    } else if (EVP_PKEY_is_a(key.get(), "EC") == 1) {
        blob = ecdsa_blob(key.get(), type);
    } else if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) {
        type = "ssh-ed25519";
        blob = ed25519_blob(key.get());
    }
    if (!blob.has_value()) return blob.error();
    return PrivateKey(std::move(key), std::move(type), *std::move(blob));
}

// ---- OpenSSH's format ---------------------------------------------------------------------------

Result<Key> read_ed25519(SshReader& reader) {
    const auto public_part = reader.string();
    const auto secret = reader.string();  // seed, then the public key again
    if (!public_part || !secret || secret->size() != 64) return malformed("Ed25519 fields");
    EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(*secret), 32);
    if (key == nullptr) return malformed("Ed25519 seed");
    return own(key);
}

Result<Key> read_ecdsa(SshReader& reader, const Curve& curve) {
    const auto name = reader.string();
    const auto point = reader.string();
    const auto secret = reader.string();
    if (!name || !point || !secret || *name != curve.ssh) return malformed("ECDSA fields");
    const Number scalar = number_from(*secret);
    const Builder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl, 0);
    OSSL_PARAM_BLD_push_octet_string(
        builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point->data(), point->size());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get());
    return key_from_params("EC", builder.get());
}

// d modulo (prime - 1), which the fast way of signing needs and the file does not hold.
Number reduced_exponent(const BIGNUM* exponent, const BIGNUM* prime) {
    const std::unique_ptr<BN_CTX, Free<BN_CTX_free>> context(BN_CTX_secure_new());
    const Number less(BN_dup(prime));
    Number result(BN_new());
    if (!context || !less || !result || BN_sub_word(less.get(), 1) != 1 || BN_is_zero(less.get()) ||
        BN_mod(result.get(), exponent, less.get(), context.get()) != 1) {
        return nullptr;
    }
    return result;
}

Result<Key> read_rsa(SshReader& reader) {
    std::array<Number, 6> numbers;  // n, e, d, iqmp, p, q
    for (Number& number : numbers) {
        const auto field = reader.string();
        if (!field) return malformed("RSA fields");
        number = number_from(*field);
    }
    const auto& [n, e, d, iqmp, p, q] = numbers;
    const Number dmp1 = reduced_exponent(d.get(), p.get());
    const Number dmq1 = reduced_exponent(d.get(), q.get());
    if (!dmp1 || !dmq1) return malformed("RSA primes");
    const Builder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, p.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR2, q.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1, dmp1.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2, dmq1.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1, iqmp.get());
    return key_from_params("RSA", builder.get());
}

constexpr std::string_view kOpensshBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kOpensshEnd = "-----END OPENSSH PRIVATE KEY-----";

std::optional<Bytes> decode_base64_lines(ByteView text) {
    Bytes compact;
    std::copy_if(text.begin(), text.end(), std::back_inserter(compact), [](char c) {
        return c != '\n' && c != '\r' && c != ' ' && c != '\t';
    });
    auto decoded = decode_base64(compact);
    OPENSSL_cleanse(compact.data(), compact.size());
    return decoded;
}

Result<PrivateKey> parse_openssh(ByteView body, Bytes& public_blob) {
    constexpr std::string_view kMagic("openssh-key-v1\0", 15);
    const auto end = body.find(kOpensshEnd);
    if (end == ByteView::npos) return malformed("no END line");
    auto decoded = decode_base64_lines(body.substr(0, end));
    if (!decoded || !ByteView(*decoded).starts_with(kMagic)) return malformed("not base64");

    SshReader outer(ByteView(*decoded).substr(kMagic.size()));
    const auto cipher = outer.string();
    const auto kdf = outer.string();
    const auto kdf_options = outer.string();
    const auto count = outer.uint32();
    const auto blob = outer.string();
    const auto secret = outer.string();
    if (!cipher || !kdf || !kdf_options || count != 1U || !blob || !secret) {
        return malformed("header");
    }
    public_blob = Bytes(*blob);
    if (*cipher != "none") return Error(Errc::refused, "the key has a passphrase");

    SshReader inner(*secret);
    const auto check_a = inner.uint32();
    const auto check_b = inner.uint32();
    const auto type = inner.string();
    if (!check_a || check_a != check_b || !type) return malformed("check numbers differ");
    Result<Key> key = Error(Errc::invalid, "unsupported key type " + std::string(*type));
    if (*type == "ssh-ed25519") {
        key = read_ed25519(inner);
    } else if (*type == "ssh-rsa") {
        key = read_rsa(inner);
    } else if (const Curve* curve = curve_of_type(*type)) {
        key = read_ecdsa(inner, *curve);
    }
    OPENSSL_cleanse(decoded->data(), decoded->size());
    if (!key.has_value()) return key.error();
    return wrap(*std::move(key));
}

// ---- PEM ----------------------------------------------------------------------------------------

int note_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

Result<PrivateKey> parse_pem(ByteView text) {
    const std::unique_ptr<BIO, Free<BIO_free>> bio(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    bool passphrase_asked = false;
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, note_passphrase, &passphrase_asked);
    ERR_clear_error();
    if (key == nullptr && passphrase_asked) {
        return Error(Errc::refused, "the key has a passphrase");
    }
    if (key == nullptr) return Error(Errc::invalid, "not a private key in a known format");
    return wrap(own(key));
}

// ---- signing ------------------------------------------------------------------------------------

Result<Bytes> ecdsa_to_ssh(ByteView der) {
    const unsigned char* cursor = bytes_of(der);
    const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(
        d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
    if (!signature) return Error(Errc::failed, "ECDSA signature is malformed");
    Bytes result;
    append_ssh_mpint(result, bytes_from(ECDSA_SIG_get0_r(signature.get())));
    append_ssh_mpint(result, bytes_from(ECDSA_SIG_get0_s(signature.get())));
    return result;
}

}  // namespace

Result<Bytes> PrivateKey::sign(ByteView data) const {
    const Curve* curve = curve_of_type(type_);
    const char* digest = type_ == "ssh-ed25519" ? nullptr
                         : curve != nullptr     ? curve->digest
                                                : "SHA512";
    const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    Bytes signature;
    bool good = EVP_DigestSignInit_ex(
                    context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &size, bytes_of(data), data.size()) == 1;
    if (good) {
        signature.resize(size);
        good = EVP_DigestSign(context.get(),
                              reinterpret_cast<unsigned char*>(signature.data()),
                              &size,
                              bytes_of(data),
                              data.size()) == 1;
        signature.resize(size);
    }
    ERR_clear_error();
    if (!good) return Error(Errc::failed, "signing with a " + type_ + " key failed");
    if (curve != nullptr) return ecdsa_to_ssh(signature);
    return signature;
}

Result<PrivateKey> parse_private_key(ByteView text, Bytes& public_blob) {
    const auto begin = text.find(kOpensshBegin);
    if (begin != ByteView::npos) {
        return parse_openssh(text.substr(begin + kOpensshBegin.size()), public_blob);
    }
    return parse_pem(text);
}

}  // namespace zk::ssh
