#!/usr/bin/env bash
# Installs the programs that the tests run against, where they are missing and that is possible: on Debian and its
# children, as root or by sudo without a password. Elsewhere it says, a line for each, what will not be tested.
# It fails only where CI=true and a peer is still missing.
set -euo pipefail

# what is looked for | Debian packages | what is not tested without it
peers=(
    "Orthanc|orthanc|a real archive: store, find, retrieve, delete, worklists"
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so|orthanc-dicomweb|DICOMweb of a real archive"
    "storescp|dcmtk|DCMTK's storage peer"
    "dcmqrscp|dcmtk|DCMTK's archive"
    "wlmscpfs|dcmtk|DCMTK's worklist"
    "echoscu|dcmtk|our own SCP, and echo beside another client"
    "prometheus|prometheus|rules and metrics in a real Prometheus"
    "promtool|prometheus|the form of metrics, and the rules' unit tests"
    "prometheus-alertmanager|prometheus-alertmanager|routes and notifications beside a real Alertmanager"
    "prometheus-blackbox-exporter|prometheus-blackbox-exporter|probes beside the Blackbox exporter"
    "haproxy|haproxy|health answers in a real load balancer"
    "prometheus-node-exporter|prometheus-node-exporter|volumes of another machine, by node_exporter"
    "snmpd|snmpd|volumes of another machine, by SNMP"
    "/usr/lib/nagios/plugins/check_load|monitoring-plugins-basic|Nagios plugins as people have them"
    "slapd|slapd|certificates behind StartTLS of a directory"
    "faketime|faketime libfaketime|clocks that step"
    "gcc|gcc libc6-dev|C-ECHO beside a client in C"
)

missing() { # prints the rows whose program is not there
    local row
    for row in "${peers[@]}"; do
        PATH="$PATH:/usr/local/sbin:/usr/sbin" command -v "${row%%|*}" >/dev/null || [ -e "${row%%|*}" ] || echo "$row"
    done
}

as_root=()
can_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" -eq 0 ] && return 0
    as_root=(sudo -n)
    sudo -n true 2>/dev/null
}

installed_packages() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii *//p' | sort; }

policy=/usr/sbin/policy-rc.d
policy_is_ours=no
# Debian starts a service as it is installed; 101 forbids that (invoke-rc.d(8)). One that is there already stays.
forbid_starting() {
    [ -e "$policy" ] && return
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
}
allow_starting() { [ "$policy_is_ours" = no ] || "${as_root[@]}" rm -f "$policy"; }

# Debian also enables a service as it is installed: it would start with the machine. Only the new ones are disabled.
disable_services() { # packages
    command -v systemctl >/dev/null || return 0
    local unit
    dpkg -L "$@" | sed -nE 's#^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer))$#\2#p' | sort -u |
        while read -r unit; do
            "${as_root[@]}" systemctl --quiet disable "$unit" >/dev/null 2>&1 </dev/null || true
        done
}

install() { # packages
    local before new package
    before=$(installed_packages)
    trap allow_starting EXIT
    forbid_starting
    "${as_root[@]}" apt-get update -qq || true # the lists that are there may do
    for package in "$@"; do # each for itself: one that this system does not know keeps none of the others away
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=120 "$package" >/dev/null || echo "install_peers: apt-get did not install $package"
    done
    allow_starting
    trap - EXIT
    new=$(comm -13 <(echo "$before") <(installed_packages))
    # shellcheck disable=SC2086 # names of packages, split on purpose
    [ -z "$new" ] || disable_services $new
}

rows=$(missing)
if [ -n "$rows" ] && can_install; then
    packages=$(cut -d'|' -f2 <<<"$rows" | tr ' ' '\n' | sort -u | tr '\n' ' ')
    echo "install_peers: installing $packages(none is started as a service)"
    # shellcheck disable=SC2086
    install $packages
    rows=$(missing)
fi

[ -n "$rows" ] || exit 0
while IFS='|' read -r name packages untested; do
    echo "install_peers: $name is missing (install $packages); not tested: $untested"
done <<<"$rows"
[ "${CI:-}" != true ] || exit 1
