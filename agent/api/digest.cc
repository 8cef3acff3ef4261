// OpenSSL's own low-level functions instead of its EVP layer: the agent is a static program, and
// EVP would bring several megabytes for this one digest.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "agent_api/digest.h"

#include <openssl/sha.h>

namespace zk::agent_api {

struct Sha256::State {
    SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }

std::string Sha256::finish() {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, &state_->context);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text.push_back(kDigits[byte >> 4U]);
        text.push_back(kDigits[byte & 0xfU]);
    }
    return text;
}

std::string sha256_hex(ByteView bytes) {
    Sha256 digest;
    digest.update(bytes);
    return digest.finish();
}

}  // namespace zk::agent_api
