// Keys that are honoured as in Apache's server, of who may do what and how much of it.
#include <array>

#include "ensemble/config_key_rows.h"

namespace zk::ensemble {
namespace {

constexpr std::array kAccess = {
    ConfigKey{.name = "enforceQuota",
              .type = KeyType::property_flag,
              .standard = "false",
              .set_by = SetBy::user,
              .field = &ServerConfig::enforce_quota,
              .source = "ZooKeeperServer"},
};

}  // namespace

std::span<const ConfigKey> access_keys() { return kAccess; }

}  // namespace zk::ensemble
