// Keys that are honoured as in Apache's server, of who may do what and how much of it.
#include <array>

#include "ensemble/config_key_rows.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

constexpr std::array kAccess = {
    ConfigKey{.name = "enforceQuota",
              .type = KeyType::property_flag,
              .standard = "false",
              .set_by = SetBy::user,
              .field = &ServerConfig::enforce_quota,
              .source = "ZooKeeperServer"},
    ConfigKey{.name = "skipACL",
              .type = KeyType::yes_no,
              .standard = "no",
              .field = &ServerConfig::skip_acl,
              .why_not = "everybody could read and write everything",
              .source = "ZooKeeperServer"},
    ConfigKey{.name = "enforce.auth.enabled",
              .type = KeyType::property_flag,
              .standard = "false",
              .field = &ServerConfig::enforce_auth,
              .why_not = "zkprov asks every node how it is, and proves nothing",
              .source = "AuthenticationHelper"},
    ConfigKey{.name = "enforce.auth.schemes",
              .type = KeyType::words,
              .field = &ServerConfig::enforce_auth_schemes,
              .why_not = "zkprov asks every node how it is, and proves nothing",
              .source = "AuthenticationHelper"},
    // The digest of a password, as good as the password itself where a short one can be guessed.
    ConfigKey{.name = "DigestAuthenticationProvider.superDigest",
              .type = KeyType::text,
              .field = &ServerConfig::super_digest,
              .secret = true,
              .why_not = "an inventory is no place for a secret",
              .source = "DigestAuthenticationProvider"},
    ConfigKey{.name = "DigestAuthenticationProvider.digestAlg",
              .type = KeyType::word,
              .standard = "SHA1",
              .set_by = SetBy::user,
              .field = &ServerConfig::digest_algorithm,
              .words = "must be SHA1, MD5, SHA-224, SHA-256, SHA-384, SHA-512, SHA-512/224, "
                       "SHA-512/256, SHA3-224, SHA3-256, SHA3-384 or SHA3-512",
              .word = digest_algorithm,
              .source = "DigestAuthenticationProvider"},
    ConfigKey{.name = "DigestAuthenticationProvider.enabled",
              .type = KeyType::property_flag,
              .standard = "true",
              .set_by = SetBy::user,
              .field = &ServerConfig::digest_enabled,
              .source = "DigestAuthenticationProvider"},
    ConfigKey{.name = "leaderServes",
              .type = KeyType::yes_no,
              .standard = "yes",
              .field = &ServerConfig::leader_serves,
              .why_not = "zkprov asks every node as a client whether it serves",
              .source = "Leader"},
    ConfigKey{.name = "closeSessionTxn.enabled",
              .type = KeyType::property_flag,
              .standard = "true",
              .set_by = SetBy::user,
              .field = &ServerConfig::close_session_names_nodes,
              .source = "ZooKeeperServer"},
};

}  // namespace

std::span<const ConfigKey> access_keys() { return kAccess; }

}  // namespace zk::ensemble
