#!/bin/sh
# The settings of a broker's host, checked and set without Python: POSIX sh with cat, cp, mv, rm, mkdir, rmdir, id.
# The same items, states, drop-in files and record as `mqadmin os`; what each item is about is written in between the
# two marks by scripts/gen_host.py. `check` changes nothing; `apply` writes drop-in files only, never the running kernel.
set -fu
export LC_ALL=C PATH="${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin"
umask 022
tab=$(printf '\t')
nl='
'
record=var/lib/rocketmq-ops/os
first_line='rocketmq-ops os 1'
header="# Written by 'os apply' of rocketmq-ops, removed by 'os undo'. Settings of your own belong in a file of yours."

usage() {
  cat <<'END'
usage: os.sh [check|plan|apply|undo] [--root DIR] [--store DIR] [--format text|tsv] [--force] [--yes]

  check   what is, and what a RocketMQ broker wants (default; changes nothing)
  plan    which drop-in files apply would write, and what is left to do by hand
  apply   write them; a second apply changes nothing
  undo    bring back every byte as it was before the first apply

  --root DIR     a copy of a host's etc, proc and sys instead of this machine; needs no root rights and asks nothing
  --store DIR    the broker's storePathRootDir: only its mount is looked at
  --format tsv   columns separated by tabs: id, state, current, wanted
  --force        overwrite or undo files that somebody changed since they were applied
  --yes          do not ask on a terminal

exit codes: 0 done, 1 failed, 2 wrong usage, 4 no such folder, 6 refused, 8 nothing to undo
END
}

# fail CODE CAUSE NEXT_STEP
fail() {
  printf 'os.sh: %s\n' "$2" >&2
  [ -z "$3" ] || printf '  next: %s\n' "$3" >&2
  exit "$1"
}

# --- reading ---

# The words of a file's first line, with single blanks, in $text; false for none, with "missing" or "unreadable" there.
words() {
  if [ ! -e "$root/$1" ]; then
    text=missing
    [ -d "$root/${1%/*}" ] || text=unreadable
    return 1
  fi
  # By cat: shells read a byte at a time, and of a setting the kernel gives no more than the first such piece.
  text=$(cat "$root/$1" 2> /dev/null) || { text=unreadable; return 1; }
  squeeze "${text%%"$nl"*}"
  [ -n "$text" ] || { text=unreadable; return 1; }
}

squeeze() {
  # shellcheck disable=SC2086
  set -- $1
  text="$*"
}

# The lines of a file below the root; nothing where it cannot be read.
lines() {
  cat "$root/$1" 2> /dev/null
}

# A whole number without a sign in $n, at most 18 digits of 9; false for other text.
number() {
  case $1 in
    0) n=0 ;;
    '' | 0* | *[!0-9]*) return 1 ;;
    ???????????????????*) n=999999999999999999 ;;
    *) n=$1 ;;
  esac
}

# Whether WORD is one of A|B|C.
among() {
  case "|$2|" in *"|$1|"*) return 0 ;; esac
  return 1
}

# --- facts ---

read_memory() {
  memory_kb='' swap_kb='' huge=''
  while read -r name value _; do
    case $name in
      MemTotal:) number "$value" && memory_kb=$n ;;
      SwapTotal:) number "$value" && swap_kb=$n ;;
      HugePages_Total:) number "$value" && huge=$n ;;
    esac
  done <<END
$(lines proc/meminfo)
END
}

# The folders of this process's control group and of its parents, a line each.
group_folders() {
  if [ -e "$root/sys/fs/cgroup/cgroup.controllers" ]; then
    unified=yes base=sys/fs/cgroup
  else
    unified=no base=sys/fs/cgroup/$1
    [ "$1" != cpu ] || [ -e "$root/$base" ] || base=sys/fs/cgroup/cpu,cpuacct
  fi
  group=''
  while IFS=: read -r _ controllers where; do
    case $unified,,$controllers, in
      yes,,,) ;;
      no,*,"$1",*) ;;
      *) continue ;;
    esac
    group=$where
    while [ "$group" != "${group%/}" ]; do group=${group%/}; done
  done <<END
$(lines proc/self/cgroup)
END
  case $group in *..*) group='' ;; esac
  while [ -n "$group" ]; do
    printf '%s\n' "$base$group"
    group=${group%/*}
  done
  printf '%s\n' "$base"
}

read_memory_limit() {
  memory_limit=''
  while read -r folder; do
    for file in memory.max memory.high memory.limit_in_bytes; do
      if ! words "$folder/$file" || ! number "$text"; then continue; fi
      if [ -z "$memory_limit" ] || [ "$n" -lt "$memory_limit" ]; then memory_limit=$n; fi
    done
  done <<END
$(group_folders memory)
END
  [ -n "$memory_limit" ] || return 0
  if [ "$memory_limit" -ge 999999999999999999 ]; then memory_limit=''; return 0; fi
  if [ -n "$memory_kb" ] && [ "$memory_limit" -ge $((memory_kb * 1024)) ]; then memory_limit=''; fi
}

read_cpu_limit() {
  cpu_limit=''
  while read -r folder; do
    quota='' period=''
    if words "$folder/cpu.max" && [ "$text" != "${text#* }" ]; then
      number "${text%% *}" && quota=$n
      number "${text#* }" && period=$n
    else
      words "$folder/cpu.cfs_quota_us" && number "$text" && quota=$n
      words "$folder/cpu.cfs_period_us" && number "$text" && period=$n
    fi
    if [ "${quota:-0}" -eq 0 ] || [ "${period:-0}" -eq 0 ]; then continue; fi
    n=$((quota * 100 / period))
    if [ -z "$cpu_limit" ] || [ "$n" -lt "$cpu_limit" ]; then cpu_limit=$n; fi
  done <<END
$(group_folders cpu)
END
}

in_container() {
  for name in .dockerenv run/.containerenv run/systemd/container var/run/secrets/kubernetes.io; do
    [ ! -e "$root/$name" ] || return 0
  done
  case $(lines proc/1/cgroup) in *docker* | *kubepods* | *lxc* | *containerd* | *libpod*) return 0 ;; esac
  while read -r _ _ _ _ where options _; do
    # Engines mount the kernel's settings for reading only.
    if [ "$where" = /proc/sys ]; then
      case ,$options, in *,ro,*) return 0 ;; esac
    fi
  done <<END
$(lines proc/self/mountinfo)
END
  return 1
}

is_virtual() {
  while IFS= read -r line; do
    case $line in
      flags* | Features*)
        squeeze "$line"
        case " $text " in *' hypervisor '*) return 0 ;; esac
        break
        ;;
    esac
  done <<END
$(lines proc/cpuinfo)
END
  words sys/hypervisor/type && return 0
  words sys/class/dmi/id/product_name || return 1
  case $text in *KVM* | *QEMU* | *Virtual* | *VMware* | *HVM* | *'Google Compute Engine'*) return 0 ;; esac
  return 1
}

# --- items: each prints id, state, current, wanted and the value that a drop-in file sets (or -) ---

item() {
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5:--}"
}

# Without a value: a kernel that lacks the setting needs none. The reason is in $text.
gap() {
  # The kernel shows most of these in the host's own network namespace only.
  case $container,$1 in yes,net.core.*) text=unreadable ;; esac
  case $text in missing) item "$1" na missing "$2" ;; *) item "$1" unknown unreadable "$2" ;; esac
}

# The file of a setting of the kernel, in $path.
setting_place() {
  path=proc/sys rest=$1
  while :; do
    path=$path/${rest%%.*}
    case $rest in *.*) rest=${rest#*.} ;; *) break ;; esac
  done
}

# between ID WANTED LOW HIGH VALUE [EXCEPTION]; HIGH may be empty. EXCEPTION makes it not applicable.
between() {
  setting_place "$1"
  words "$path" || { gap "$1" "$2"; return; }
  judge_between "$@"
}

judge_between() {
  number "$text" || { item "$1" unknown "$text" "$2"; return; }
  state=ok
  if [ "$n" -lt "$3" ]; then state=change; fi
  if [ -n "$4" ] && [ "$n" -gt "$4" ]; then state=change; fi
  case ${6:-} in
    always) state=na ;;
    zero) [ "$text" != 0 ] || state=na ;;
  esac
  item "$1" "$state" "$text" "$2" "$5"
}

# A setting of the kernel by a rule of the table: ID KIND ARGUMENTS
kernel_item() {
  setting_place "$1"
  case $2 in
    least) between "$1" ">=$3" "$3" '' "$3" ;;
    between) between "$1" "$3..$4" "$3" "$4" "$5" ;;
    swap)
      if [ "$swap_kb" = 0 ]; then between "$1" "$3..$4" "$3" "$4" "$5" always; else between "$1" "$3..$4" "$3" "$4" "$5"; fi
      ;;
    dirty)
      setting_place "$6"
      if words "$path" && number "$text" && [ "$n" -gt 0 ]; then
        between "$1" "$3..$4" "$3" "$4" "$5" zero
      else
        between "$1" "$3..$4" "$3" "$4" "$5"
      fi
      ;;
    reserve)
      if [ -z "$memory_kb" ]; then
        words "$path"
        item "$1" unknown "$text" '1% of memory'
        return
      fi
      most=$((memory_kb / 20)) low=$((memory_kb / 100))
      [ "$low" -ge 65536 ] || low=65536
      [ "$low" -le 1048576 ] || low=1048576
      [ "$low" -le "$most" ] || low=$most
      between "$1" "$low..$most" "$low" "$most" "$low"
      ;;
    one-of)
      words "$path" || { gap "$1" "$3"; return; }
      if among "$text" "$3"; then item "$1" ok "$text" "$3" "$4"; else item "$1" change "$text" "$3" "$4"; fi
      ;;
    third) kernel_third "$1" "$3" ;;
    ports) kernel_ports "$1" ;;
  esac
}

kernel_third() {
  words "$path" || { gap "$1" "third >=$2"; return; }
  id=$1 least=$2
  # shellcheck disable=SC2086
  set -- $text
  if [ $# -ne 3 ] || ! number "$3"; then item "$id" unknown "$text" "third >=$least"; return; fi
  if [ "$n" -ge "$least" ]; then
    item "$id" ok "$text" "third >=$least" "$1 $2 $n"
  else
    item "$id" change "$text" "third >=$least" "$1 $2 $least"
  fi
}

kernel_ports() {
  wanted='above 10912, 28000 or more'
  words "$path" || { gap "$1" "$wanted"; return; }
  id=$1
  # shellcheck disable=SC2086
  set -- $text
  low=''
  number "$1" && low=$n
  if [ $# -ne 2 ] || [ -z "$low" ] || ! number "$2"; then item "$id" unknown "$text" "$wanted"; return; fi
  if [ "$low" -gt 10912 ] && [ $((n - low + 1)) -ge 28000 ]; then
    item "$id" ok "$text" "$wanted" "$text"
  else
    item "$id" change "$text" "$wanted" '32768 60999'
  fi
}

kernel_version() {
  words proc/sys/kernel/osrelease || { text=unreadable; gap kernel.version '>=3.10'; return; }
  major=${text%%.*} rest=''
  case $text in *.*) rest=${text#*.} ;; esac
  rest=${rest%%.*} rest=${rest%%-*} rest=${rest%%+*}
  if ! number "$major"; then item kernel.version unknown "$text" '>=3.10'; return; fi
  major=$n
  if ! number "$rest"; then item kernel.version unknown "$text" '>=3.10'; return; fi
  state=change
  if [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$n" -ge 10 ]; }; then state=ok; fi
  item kernel.version "$state" "$text" '>=3.10'
}

group_items() {
  if [ -z "$memory_limit" ]; then
    item cgroup.memory na none '>=4096 MiB'
  else
    n=$((memory_limit / 1048576)) state=ok
    [ "$n" -ge 4096 ] || state=change
    item cgroup.memory "$state" "$n MiB" '>=4096 MiB'
  fi
  if [ -z "$cpu_limit" ]; then
    item cgroup.cpu na none '>=2 CPUs'
  else
    state=ok
    [ "$cpu_limit" -ge 200 ] || state=change
    item cgroup.cpu "$state" "$(printf '%d.%02d CPUs' $((cpu_limit / 100)) $((cpu_limit % 100)))" '>=2 CPUs'
  fi
}

memory_items() {
  wanted='0 KiB, or vm.swappiness 1..10'
  if [ -z "$swap_kb" ]; then
    item memory.swap unknown unreadable "$wanted"
  elif [ "$swap_kb" = 0 ]; then
    item memory.swap ok '0 KiB' "$wanted"
  elif ! words proc/sys/vm/swappiness || ! number "$text"; then
    item memory.swap unknown "$swap_kb KiB" "$wanted"
  elif [ "$n" -ge 1 ] && [ "$n" -le 10 ]; then
    item memory.swap ok "$swap_kb KiB" "$wanted"
  else
    item memory.swap change "$swap_kb KiB" "$wanted"
  fi
  if [ -z "$huge" ]; then
    item memory.hugepages unknown unreadable 0
  elif [ "$huge" = 0 ]; then
    item memory.hugepages ok 0 0
  else
    item memory.hugepages change "$huge" 0
  fi
}

# The word in brackets of $text, in $word; false for none.
chosen() {
  # shellcheck disable=SC2086
  for word in $text; do
    case $word in '['*']') word=${word#?} word=${word%?}; return 0 ;; esac
  done
  return 1
}

# NAME WANTED
transparent() {
  if ! words "sys/kernel/mm/transparent_hugepage/$1"; then
    if [ ! -e "$root/sys/kernel/mm/transparent_hugepage" ] && [ -e "$root/sys/kernel/mm" ]; then text=missing; fi
    gap "thp.$1" "$2"
  elif ! chosen; then
    item "thp.$1" unknown "$text" "$2"
  elif among "$word" "$2"; then
    item "thp.$1" ok "$word" "$2" madvise
  else
    item "thp.$1" change "$word" "$2" madvise
  fi
}

# A limit of this very process: TITLE; $soft and $hard.
read_limit() {
  text=unreadable
  while IFS= read -r line; do
    case $line in
      "$1 "*)
        line=${line#"$1"}
        # shellcheck disable=SC2086
        set -- $line
        [ $# -ge 2 ] || return 1
        soft=$1 hard=$2
        return 0
        ;;
    esac
  done <<END
$(lines proc/self/limits)
END
  return 1
}

# Judge the limit in $text: ID LEAST VALUE
limit() {
  if [ "$text" = unlimited ]; then
    item "$1" ok unlimited ">=$2" "$3"
  else
    judge_between "$1" ">=$2" "$2" '' "$3"
  fi
}

other_limits() {
  if read_limit 'Max open files'; then
    text=$hard
    limit limit.nofile 655350 655350
  else
    gap limit.nofile '>=655350'
  fi
  # The soft limit counts, as nobody raises it; the hard one is never lowered.
  if read_limit 'Max processes'; then
    text=$soft
    if [ "$hard" != unlimited ]; then
      if ! number "$hard" || [ "$n" -le 32768 ]; then hard=32768; fi
    fi
    limit limit.nproc 32768 "32768:$hard"
  else
    gap limit.nproc '>=32768'
  fi
  if ! read_limit 'Max locked memory'; then
    gap limit.memlock unlimited
  elif [ "$hard" = unlimited ]; then
    item limit.memlock ok unlimited unlimited
  else
    item limit.memlock unknown "$hard" unlimited
  fi
}

clock_items() {
  clocks='tsc|kvm-clock|hyperv_clocksource_tsc_page|arch_sys_counter|stp|timebase|tod'
  if ! words sys/devices/system/clocksource/clocksource0/current_clocksource; then
    gap clock.source "$clocks"
  elif among "$text" "$clocks"; then
    item clock.source ok "$text" "$clocks"
  else
    item clock.source change "$text" "$clocks"
  fi
  if [ "$container" = yes ]; then item clock.sync na "the host's" synchronized; return; fi
  for keeper in run/systemd/timesync/synchronized=systemd-timesyncd run/chrony/chronyd.pid=chronyd \
    run/chronyd.pid=chronyd run/ntpd.pid=ntpd; do
    if [ -e "$root/${keeper%=*}" ]; then item clock.sync ok "${keeper#*=}" synchronized; return; fi
  done
  item clock.sync unknown missing synchronized
}

disk_items() {
  any=no
  set +f
  for place in "$root"/sys/block/*; do
    set -f
    disk=${place##*/}
    case $disk in loop* | ram* | zram* | sr* | fd* | nbd* | mtdblock*) continue ;; esac
    [ -e "$place" ] || [ -L "$place" ] || continue
    any=yes
    disk_item "$disk"
  done
  set -f
  [ "$any" = no ] || return 0
  item disk.scheduler unknown unreadable 'none|noop|mq-deadline|deadline|kyber'
  item disk.read-ahead unknown unreadable 16..256
}

disk_item() {
  # Whether the disk has to move its heads. Of a virtual disk this kernel cannot know, and need not.
  rotating=unknown
  case $virtual,$1 in
    yes,* | *,nvme* | *,vd* | *,xvd* | *,pmem*) rotating=no ;;
    *) words "sys/block/$1/queue/rotational" && case $text in 0) rotating=no ;; 1) rotating=yes ;; esac ;;
  esac
  wanted='none|noop|mq-deadline|deadline|kyber'
  [ "$rotating" != yes ] || wanted='mq-deadline|deadline'
  scheduler_item "$1"
  low=16 high=256 value=128
  if [ "$rotating" = yes ]; then low=128 high=1024 value=256; fi
  id=disk.read-ahead:$1
  if ! words "sys/block/$1/queue/read_ahead_kb"; then
    gap "$id" "$low..$high"
  elif [ "$rotating" = unknown ]; then
    item "$id" unknown "$text" "$low..$high"
  else
    judge_between "$id" "$low..$high" "$low" "$high" "$value"
  fi
}

scheduler_item() {
  id=disk.scheduler:$1
  words "sys/block/$1/queue/scheduler" || { gap "$id" "$wanted"; return; }
  chosen || { item "$id" na "$text" "$wanted"; return; }
  if [ "$rotating" = unknown ]; then item "$id" unknown "$word" "$wanted"; return; fi
  value='' IFS='|'
  for name in $wanted; do
    case " $text " in *" $name "* | *" [$name] "*) value=$name; break ;; esac
  done
  unset IFS
  if among "$word" "$wanted"; then
    item "$id" ok "$word" "$wanted" "$value"
  elif [ -n "$value" ]; then
    item "$id" change "$word" "$wanted" "$value"
  else
    item "$id" na "$word" "$wanted"
  fi
}

mount_items() {
  any=no best='' entries='' at=0
  # The last mount on a folder hides those before.
  while read -r _ place _ options _; do
    [ -n "$options" ] || continue
    at=$((at + 1)) entries="$entries|$place=$at"
  done <<END
$(lines proc/mounts)
END
  at=0
  if [ -n "$store" ]; then
    while read -r device place kind options _; do
      [ -n "$options" ] || continue
      is_last || continue
      prefix=${place%/}/
      case ${store%/}/ in "$prefix"*) ;; *) continue ;; esac
      if [ -z "$best" ] || [ ${#place} -gt ${#best} ]; then best=$place best_kind=$kind best_options=$options; fi
    done <<END
$(lines proc/mounts)
END
    if [ -n "$best" ]; then any=yes; mount_item "$best" "$best_kind" "$best_options"; fi
  else
    while read -r device place kind options _; do
      [ -n "$options" ] || continue
      is_last || continue
      case $device in /dev/loop*) continue ;; /dev/*) ;; *) continue ;; esac
      case $kind in squashfs | iso9660 | udf | vfat | devtmpfs | swap) continue ;; esac
      case $place/ in /boot/* | /snap/* | /etc/* | /proc/* | /sys/* | /dev/* | /run/* | /usr/*) continue ;; esac
      any=yes
      mount_item "$place" "$kind" "$options"
    done <<END
$(lines proc/mounts)
END
  fi
  [ "$any" = yes ] || item mount.type unknown unreadable 'ext4|xfs'
}

# Count $at, and whether the mount at it is the last one on $place.
is_last() {
  at=$((at + 1)) last=${entries##*"|$place="}
  [ "${last%%|*}" = "$at" ]
}

# PLACE TYPE OPTIONS
mount_item() {
  state=change
  if among "$2" 'ext4|xfs'; then state=ok; fi
  item "mount.type:$1" "$state" "$2" 'ext4|xfs'
  case ,$3, in
    *,noatime,*) item "mount.atime:$1" ok noatime 'noatime|relatime' ;;
    *,relatime,*) item "mount.atime:$1" ok relatime 'noatime|relatime' ;;
    *) item "mount.atime:$1" change strictatime 'noatime|relatime' ;;
  esac
  case ,$3, in
    *,nobarrier,* | *,barrier=0,*) item "mount.barrier:$1" change off on ;;
    *) item "mount.barrier:$1" ok on on ;;
  esac
  case ,$3, in
    *,sync,*) item "mount.sync:$1" change sync async ;;
    *) item "mount.sync:$1" ok async async ;;
  esac
}

all_items() {
  kernel_version
  group_items
  memory_items
  while read -r id kind first second third fourth; do
    kernel_item "$id" "$kind" "$first" "$second" "$third" "$fourth"
  done <<END
$(kernel_rules)
END
  transparent enabled 'madvise|never'
  transparent defrag 'madvise|defer|defer+madvise|never'
  other_limits
  clock_items
  disk_items
  mount_items
}

# --- generated by scripts/gen_host.py ---
kernel_rules() {
  cat <<'END'
vm.swappiness swap 1 10 1
vm.overcommit_memory one-of 0|1 0
vm.zone_reclaim_mode one-of 0 0
vm.max_map_count least 655360
vm.dirty_background_ratio dirty 1 10 5 vm.dirty_background_bytes
vm.dirty_ratio dirty 20 60 40 vm.dirty_bytes
vm.dirty_writeback_centisecs between 100 1500 500
vm.dirty_expire_centisecs between 100 6000 3000
vm.min_free_kbytes reserve
vm.watermark_scale_factor between 50 500 100
fs.file-max least 1048576
fs.nr_open least 1048576
net.core.somaxconn least 1024
net.ipv4.tcp_max_syn_backlog least 2048
net.core.netdev_max_backlog least 2000
net.core.rmem_max least 212992
net.core.wmem_max least 212992
net.ipv4.tcp_rmem third 6291456
net.ipv4.tcp_wmem third 4194304
net.ipv4.tcp_slow_start_after_idle one-of 0 0
net.ipv4.tcp_tw_recycle one-of 0 0
net.ipv4.ip_local_port_range ports
END
}

# The texts of an item.
about() {
  case ${1%%:*} in
    kernel.version)
      why="older kernels lack what RocketMQ's servers, JDKs and Python 3.11 are tested with"
      source="JDK and manylinux2014 baselines"
      risk=""
      hand="run a distribution with Linux 3.10 or newer"
      ;;
    cgroup.memory)
      why="the limit counts the page cache too: with little room messages are read from the disk, or the broker is killed"
      source="Linux admin-guide/cgroup-v2, memory.max"
      risk=""
      hand="raise the memory limit of the container or unit, or give the JVM less (mqadmin os check --for apache)"
      ;;
    cgroup.cpu)
      why="at its share the process is stopped until the next period, up to 100 ms: seen as latency of sends"
      source="Linux scheduler/sched-bwc"
      risk=""
      hand="raise or remove the CPU limit of the container or unit"
      ;;
    memory.swap)
      why="a swapped heap stops a broker; swap with a low vm.swappiness is only a reserve"
      source="Apache RocketMQ distribution/bin/os.sh (vm.swappiness=1)"
      risk="without swap a shortage of memory ends in the OOM killer"
      hand="enough once vm.swappiness is set; or swapoff -a, and remove the swap line of /etc/fstab"
      ;;
    memory.hugepages)
      why="reserved huge pages are lost to the page cache, and Apache's scripts run with -XX:-UseLargePages"
      source="Linux admin-guide/mm/hugetlbpage; Apache RocketMQ runbroker.sh"
      risk="other software of the host (a database) may need them"
      hand="remove vm.nr_hugepages from the sysctl files or hugepages= from the kernel's command line, if nobody needs it"
      ;;
    vm.swappiness)
      why="pages of the heap that are swapped out stop a broker for seconds; the page cache can be read again"
      source="Apache RocketMQ distribution/bin/os.sh; Linux admin-guide/sysctl/vm"
      risk="under real shortage of memory the page cache shrinks first"
      hand=""
      ;;
    vm.overcommit_memory)
      why="with 2 the kernel refuses memory that is only reserved, such as a JVM's heap"
      source="Apache RocketMQ distribution/bin/os.sh (sets 1); Linux admin-guide/sysctl/vm"
      risk="none with 0, the kernel's default"
      hand=""
      ;;
    vm.zone_reclaim_mode)
      why="with 1 a NUMA node drops its page cache while other nodes have free memory"
      source="Apache RocketMQ distribution/bin/os.sh; Linux admin-guide/sysctl/vm"
      risk="memory of another node is a little slower"
      hand=""
      ;;
    vm.max_map_count)
      why="a broker maps every commitlog, consumequeue and index file; at the limit it cannot make the next one"
      source="Apache RocketMQ distribution/bin/os.sh; Linux admin-guide/sysctl/vm"
      risk="none; kernel memory is used only for maps that exist"
      hand=""
      ;;
    vm.dirty_background_ratio)
      why="writing back early keeps the amount that a sync or a full cache has to write at once small"
      source="Linux admin-guide/sysctl/vm; Apache's os.sh sets 50, which delays tens of GB on a large host"
      risk="slightly more writes, as a page that changes again is written again"
      hand=""
      ;;
    vm.dirty_ratio)
      why="at this share a thread that stores a message has to write back itself, and sends wait"
      source="Linux admin-guide/sysctl/vm; Apache's os.sh sets 50"
      risk="more unwritten data is lost by a power cut with ASYNC_FLUSH"
      hand=""
      ;;
    vm.dirty_writeback_centisecs)
      why="how often the kernel looks for pages to write; Apache's os.sh sets an hour, after which everything is written at once"
      source="Linux admin-guide/sysctl/vm"
      risk="none with 500, the kernel's default"
      hand=""
      ;;
    vm.dirty_expire_centisecs)
      why="the age at which a changed page is written: it bounds what a power cut takes from files that are not synced"
      source="Linux admin-guide/sysctl/vm"
      risk="none with 3000, the kernel's default"
      hand=""
      ;;
    vm.min_free_kbytes)
      why="memory kept free for bursts of received packets while the page cache fills all the rest"
      source="Linux admin-guide/sysctl/vm; replaces vm.extra_free_kbytes of Apache's os.sh, which mainline kernels never had"
      risk="that much memory is not page cache"
      hand=""
      ;;
    vm.watermark_scale_factor)
      why="wakes the kernel's own reclaim earlier, so that a send does not have to free memory itself"
      source="Linux admin-guide/sysctl/vm (since Linux 4.6)"
      risk="about 1 % of the memory is kept free"
      hand=""
      ;;
    fs.file-max)
      why="open files of the whole host: each connection and each file of the store is one"
      source="Linux admin-guide/sysctl/fs"
      risk="none"
      hand=""
      ;;
    fs.nr_open)
      why="the highest limit of open files that a process can be given"
      source="Linux admin-guide/sysctl/fs"
      risk="none"
      hand=""
      ;;
    net.core.somaxconn)
      why="connections waiting to be accepted; a broker asks for 1024, the kernel cuts it to this"
      source="Linux admin-guide/sysctl/net; Apache RocketMQ NettyServerConfig.serverSocketBacklog"
      risk="none"
      hand=""
      ;;
    net.ipv4.tcp_max_syn_backlog)
      why="half-open connections: all clients come back at once after a broker's restart"
      source="Linux networking/ip-sysctl"
      risk="little kernel memory"
      hand=""
      ;;
    net.core.netdev_max_backlog)
      why="received packets waiting for a CPU; what is beyond is dropped and sent again"
      source="Linux admin-guide/sysctl/net"
      risk="little kernel memory"
      hand=""
      ;;
    net.core.rmem_max)
      why="bounds receive buffers that are set by configuration (serverSocketRcvBufSize)"
      source="Linux admin-guide/sysctl/net"
      risk="none"
      hand=""
      ;;
    net.core.wmem_max)
      why="bounds send buffers that are set by configuration (serverSocketSndBufSize)"
      source="Linux admin-guide/sysctl/net"
      risk="none"
      hand=""
      ;;
    net.ipv4.tcp_rmem)
      why="its third number bounds how far the kernel widens a receive buffer: throughput over long distances, replication"
      source="Linux networking/ip-sysctl"
      risk="memory of connections that are busy"
      hand=""
      ;;
    net.ipv4.tcp_wmem)
      why="its third number bounds how far the kernel widens a send buffer: throughput over long distances, replication"
      source="Linux networking/ip-sysctl"
      risk="memory of connections that are busy"
      hand=""
      ;;
    net.ipv4.tcp_slow_start_after_idle)
      why="with 1 a connection that was idle begins slowly again: the first large pull after a pause is late"
      source="Linux networking/ip-sysctl"
      risk="bursts on congested links"
      hand=""
      ;;
    net.ipv4.tcp_tw_recycle)
      why="drops connections of clients behind NAT; the kernel removed it in 4.12"
      source="Linux networking/ip-sysctl"
      risk="none with 0"
      hand=""
      ;;
    net.ipv4.ip_local_port_range)
      why="an outgoing connection may take 9876, 10909, 10911 or 10912, and the server then cannot start"
      source="Linux networking/ip-sysctl"
      risk="none with 32768 to 60999, the kernel's default"
      hand=""
      ;;
    thp.enabled)
      why="with always the kernel merges pages of the heap while the broker waits, and memory grows"
      source="Linux admin-guide/mm/transhuge"
      risk="other software may be a little slower; madvise leaves it the choice"
      hand=""
      ;;
    thp.defrag)
      why="with always a page fault waits for memory to be compacted"
      source="Linux admin-guide/mm/transhuge"
      risk="none"
      hand=""
      ;;
    limit.nofile)
      why="a file for each connection and each file of the store; JVM and mqbroker raise their soft limit to the hard one"
      source="Apache RocketMQ distribution/bin/os.sh (655350)"
      risk="programs that close every possible file at start take longer"
      hand=""
      ;;
    limit.nproc)
      why="a JVM broker has some hundred threads, each counts; at the limit it ends with OutOfMemoryError"
      source="getrlimit(2), RLIMIT_NPROC"
      risk="a runaway program may start more processes"
      hand=""
      ;;
    limit.memlock)
      why="only brokers with transientStorePoolEnable or warmMapedFileEnable lock memory; they go on silently without"
      source="Apache RocketMQ distribution/bin/os.sh (unlimited)"
      risk="what is locked is not available to anybody else"
      hand="only if one of the two is on: LimitMEMLOCK=infinity in the broker's unit, or memlock in limits.d for its user"
      ;;
    clock.source)
      why="a clock that is read through the kernel costs microseconds, several times a message"
      source="Linux virt/kvm/x86/timekeeping; Amazon EC2 user guide, time source"
      risk="tsc has to be stable; the kernel says in its log when it is not"
      hand="kernel command line clocksource=tsc, if dmesg does not call tsc unstable"
      ;;
    clock.sync)
      why="delays, retention, searches by time and the order of traces go by the clock; a step turns them"
      source="Apache RocketMQ: store timestamps are the broker's clock"
      risk=""
      hand="run chrony or systemd-timesyncd, slewing instead of stepping"
      ;;
    disk.scheduler)
      why="a fast or virtual disk needs no reordering in this kernel; a rotating one needs a bound on waiting"
      source="Linux block/switching-sched; the names deadline and cfq ended with Linux 5.0"
      risk="other load on the same disk is shared out differently"
      hand=""
      ;;
    disk.read-ahead)
      why="too much fills the page cache with what nobody reads when consumers read old messages; too little makes them slow"
      source="Linux sysfs-block, read_ahead_kb"
      risk="sequential readers of other software"
      hand=""
      ;;
    mount.type)
      why="files are mapped and overwritten in place: copy-on-write scatters them, network and overlay file systems lose syncs"
      source="Linux filesystems documentation"
      risk=""
      hand="put storePathRootDir on a local ext4 or xfs"
      ;;
    mount.atime)
      why="with strictatime every read writes"
      source="mount(8)"
      risk="none with relatime"
      hand="noatime in the options of /etc/fstab, then mount -o remount"
      ;;
    mount.barrier)
      why="without barriers a power cut damages what was reported as synced, SYNC_FLUSH included"
      source="Linux filesystems/ext4"
      risk=""
      hand="remove nobarrier or barrier=0 from the options of /etc/fstab, then mount -o remount"
      ;;
    mount.sync)
      why="with sync every append waits for the disk, whatever flushDiskType says"
      source="mount(8)"
      risk=""
      hand="remove sync from the options of /etc/fstab, then mount -o remount"
      ;;
  esac
}
# --- end ---

# --- drop-in files ---

files='etc/sysctl.d/90-rocketmq-ops.conf etc/security/limits.d/90-rocketmq-ops.conf
etc/systemd/system.conf.d/90-rocketmq-ops.conf etc/udev/rules.d/90-rocketmq-ops.rules
etc/tmpfiles.d/90-rocketmq-ops.conf'

# Whether somebody would read the file on this host.
is_read() {
  case $1 in
    etc/sysctl.d/*) [ -d "$root/etc" ] ;;
    etc/security/*) [ -d "$root/etc/security" ] ;;
    etc/udev/*) [ -d "$root/etc/udev" ] ;;
    *) [ -d "$root/etc/systemd" ] ;;
  esac
}

# What makes the file take effect without a restart of the host.
activation() {
  case $1 in
    etc/sysctl.d/*) echo 'sysctl --system' ;;
    etc/security/*) echo 'log in again, and start the broker from there' ;;
    etc/udev/*) echo 'udevadm control --reload && udevadm trigger --subsystem-match=block --action=change' ;;
    etc/systemd/*) echo "systemctl daemon-reexec, then restart the broker's unit" ;;
    *) echo "systemd-tmpfiles --create /$1" ;;
  esac
}

# The lines that set an item in a file, in $line; empty if it is not set there: FILE ID VALUE
setting() {
  line=''
  case $2,$1 in
    limit.nofile,etc/security/*) line="* hard nofile $3${nl}root hard nofile $3" ;;
    limit.nofile,etc/systemd/*) line="DefaultLimitNOFILE=1024:$3" ;;
    limit.nproc,etc/security/*)
      line="* soft nproc ${3%:*}$nl* hard nproc ${3#*:}${nl}root soft nproc ${3%:*}${nl}root hard nproc ${3#*:}"
      ;;
    limit.nproc,etc/systemd/*)
      line="DefaultLimitNPROC=$3"
      case $3 in *:unlimited) line="DefaultLimitNPROC=${3%:*}:infinity" ;; esac
      ;;
    limit.*) ;;
    thp.*,etc/tmpfiles.d/*) line="w /sys/kernel/mm/transparent_hugepage/${2#thp.} - - - - $3" ;;
    thp.*) ;;
    disk.scheduler:*,etc/udev/*) disk_rule "${2#*:}" scheduler "$3" ;;
    disk.read-ahead:*,etc/udev/*) disk_rule "${2#*:}" read_ahead_kb "$3" ;;
    disk.*) ;;
    *,etc/sysctl.d/*) line="$2 = $3" ;;
  esac
}

disk_rule() {
  line=$1 # udev has a slash where the kernel's folder has !
  while :; do case $line in *!*) line=${line%%!*}/${line#*!} ;; *) break ;; esac; done
  line="ACTION==\"add|change\", SUBSYSTEM==\"block\", KERNEL==\"$line\", ATTR{queue/$2}=\"$3\""
}

# The text of a drop-in file, without the last newline, in $body; empty for none. Items that have a place go to $placed.
build() {
  body='' there=''
  is_read "$1" || return 0
  there=$(lines "$1")
  while IFS=$tab read -r id state _ _ value; do
    case $value,$state in -,* | *,unknown) continue ;; esac
    if [ "$state" != change ]; then
      # What a file of ours sets already stays in it: it is right because of the file.
      case "$nl$there$nl" in *"$nl# $id$nl"*) ;; *) continue ;; esac
    fi
    setting "$1" "$id" "$value"
    [ -n "$line" ] || continue
    body="$body$nl# $id$nl$line"
    placed="$placed$id|"
  done <<END
$items
END
  [ -n "$body" ] || return 0
  case $1 in etc/systemd/*) body="${nl}[Manager]$body" ;; esac
  body=$header$body
}

# Whether a file holds exactly the text with a newline.
holds() {
  [ -f "$root/$1" ] && [ "$(cat "$root/$1" && printf x)" = "$2${nl}x" ]
}

# --- the record of what was applied ---

# Whether two files have the same bytes; two that are not there have.
same() {
  if [ ! -e "$1" ] || [ ! -e "$2" ]; then
    [ ! -e "$1" ] && [ ! -e "$2" ]
    return
  fi
  [ "$(cat "$1" && printf x)" = "$(cat "$2" && printf x)" ]
}

read_record() {
  manifest='' made='' recorded=''
  [ -e "$root/$record/manifest" ] || return 0
  manifest=$(cat "$root/$record/manifest") ||
    fail 1 "the record of what was applied cannot be read: $root/$record/manifest" 'look at the file'
  [ "${manifest%%"$nl"*}" = "$first_line" ] ||
    fail 1 "unknown record of what was applied: $root/$record/manifest" 'look at the file'
  while read -r kind path; do
    case $kind in
      dir) made="$made$path$nl" ;;
      new | old)
        case " $files " in
          *"$path"*) ;;
          *) fail 1 "unknown line in the record of what was applied: $kind $path" 'look at the file' ;;
        esac
        recorded="$recorded$kind $path$nl"
        ;;
      *) fail 1 "unknown line in the record of what was applied: $kind $path" 'look at the file' ;;
    esac
  done <<END
${manifest#*"$nl"}
END
}

# new or old in $kind for a file of the record; false for none.
kind_of() {
  case $nl$recorded in
    *"${nl}new $1$nl"*) kind=new ;;
    *"${nl}old $1$nl"*) kind=old ;;
    *) return 1 ;;
  esac
}

# Whether somebody has changed a file since it was applied.
changed_since() {
  kind_of "$1" || return 1
  ! same "$root/$1" "$root/$record/after/$1" || return 1
  if [ "$kind" = old ]; then
    ! same "$root/$1" "$root/$record/before/$1"
  else
    [ -e "$root/$1" ]
  fi
}

refuse_changed() {
  [ "$force" = no ] || return 0
  for path in $1; do
    if changed_since "$path"; then
      fail 6 "changed by somebody since it was applied: /$path; $2 that" \
        'move those lines to a file of another name, or give --force'
    fi
  done
}

# A link in the copy of a host may lead out of it, to the machine itself.
refuse_links() {
  [ -n "$root" ] || return 0
  for path in $1; do
    part=${path%/*}
    while :; do
      [ ! -L "$root/$part" ] ||
        fail 6 "$root/$part is a symbolic link, which may lead out of $root: nothing was written" \
          'replace it by the folder that it should be'
      case $part in */*) part=${part%/*} ;; *) break ;; esac
    done
  done
}

# Note the folders above a file that have to be made.
note_folders() {
  rest=${1%/*}/ part=''
  while [ -n "$rest" ]; do
    part=$part${rest%%/*} rest=${rest#*/}
    if [ ! -d "$root/$part" ]; then
      case $nl$made in *"$nl$part$nl"*) ;; *) made="$made$part$nl" ;; esac
    fi
    part=$part/
  done
}

cannot() {
  rm -f "$1.tmp" 2> /dev/null
  fail 1 "cannot write $1" 'nothing is lost: os.sh undo brings back what was changed so far'
}

# Write $2 with a newline into the file $1, by renaming a new one.
replace() {
  if ! mkdir -p "${1%/*}" || ! rm -f "$1.tmp" || ! printf '%s\n' "$2" > "$1.tmp" || ! mv -f "$1.tmp" "$1"; then
    cannot "$1"
  fi
}

copy_exact() {
  if ! mkdir -p "${2%/*}" || ! rm -f "$2" || ! cp -pP "$1" "$2"; then cannot "$2"; fi
}

# --- commands ---

require_root() {
  [ -n "$root" ] && return 0
  [ "$(id -u)" = 0 ] ||
    fail 6 "$1 writes below /etc and /$record, which only root may" 'run it as root (sudo), or with --root DIR on a copy'
}

confirm() {
  if [ -n "$root" ] || [ "$yes" = yes ] || [ ! -t 0 ] || [ ! -t 2 ]; then return 0; fi
  host=$(cat /proc/sys/kernel/hostname 2> /dev/null) || host=yes
  printf 'Type %s to do so: ' "$host" >&2
  read -r answer || answer=''
  [ "$answer" = "$host" ] || fail 6 "nothing was changed: '$host' was not typed" 'run it again, or give --yes'
}

check() {
  if [ "$format" = tsv ]; then printf 'id\tstate\tcurrent\twanted\n'; fi
  count_ok=0 count_change=0 count_unknown=0 count_na=0
  while IFS=$tab read -r id state current wanted _; do
    if [ "$format" = tsv ]; then
      printf '%s\t%s\t%s\t%s\n' "$id" "$state" "$current" "$wanted"
      continue
    fi
    case $state in
      ok) count_ok=$((count_ok + 1)) ;;
      na) count_na=$((count_na + 1)) ;;
      change) count_change=$((count_change + 1)) ;;
      *) count_unknown=$((count_unknown + 1)) ;;
    esac
    printf '%-8s %-36s %s (wanted: %s)\n' "$state" "$id" "$current" "$wanted"
    case $state in
      change | unknown)
        about "$id"
        printf '           why: %s\n           source: %s\n' "$why" "$source"
        [ -z "$risk" ] || printf '           risk: %s\n' "$risk"
        [ -z "$hand" ] || printf '           by hand: %s\n' "$hand"
        ;;
    esac
  done <<END
$items
END
  [ "$format" = tsv ] || printf '%d ok, %d to change, %d unknown, %d not applicable\n' \
    "$count_ok" "$count_change" "$count_unknown" "$count_na"
}

# What apply would write, in $writes; prints it, as VERB.
show_plan() {
  placed='|' writes='' kernel_settings='' verb=$1
  if [ "$format" = tsv ]; then printf 'action\twhat\n'; fi
  for path in $files; do
    [ "$container" = no ] || break
    build "$path"
    [ -n "$body" ] || continue
    action=unchanged
    if ! holds "$path" "$body"; then
      action=$verb
      writes="$writes $path"
    fi
    [ "$path" != etc/sysctl.d/90-rocketmq-ops.conf ] || kernel_settings=$body
    if [ "$format" = tsv ]; then
      printf '%s\t/%s\n' "${action#would }" "$path"
    else
      printf '%s /%s\n' "$action" "$path"
      [ "$action" = unchanged ] || printf '%s\n' "$body" | while IFS= read -r line; do printf '    %s\n' "$line"; done
      printf '  takes effect with: %s\n' "$(activation "$path")"
    fi
  done
  while IFS=$tab read -r id state current wanted _; do
    [ "$state" = change ] || continue
    case $placed in *"|$id|"*) continue ;; esac
    about "$id"
    if [ -z "$hand" ]; then
      hand='no drop-in folder for it on this host'
      [ "$container" = no ] ||
        hand="in a container: set kernel and disks on its host, net.* with the engine's --sysctl, limits with its --ulimit"
    fi
    if [ "$format" = tsv ]; then
      printf 'by-hand\t%s\n' "$id"
    else
      printf 'by hand %s: %s, wanted %s: %s\n' "$id" "$current" "$wanted" "$hand"
    fi
  done <<END
$items
END
  [ "$format" = tsv ] || show_overridden
  [ -n "$writes" ] || [ "$format" = tsv ] || echo 'no file to write'
}

# Settings of ours that a file which is read later sets otherwise, and tuned, which comes later still.
show_overridden() {
  set +f
  for place in "$root"/etc/sysctl.d/*.conf; do
    set -f
    [ ! -L "$place" ] || continue
    case ${place##*/} in
      9[1-9A-Za-z_]*) ;;
      90[.0-9A-Za-z_]*) ;;
      90-[s-z]*) ;;
      [A-Za-z_]*) ;;
      *) continue ;;
    esac
    show_overriding "etc/sysctl.d/${place##*/}"
  done
  set -f
  show_overriding etc/sysctl.conf
  if [ -n "$placed" ] && [ "$placed" != '|' ] && words etc/tuned/active_profile; then
    echo "tuned is active with the profile $text: what that sets comes after these files"
  fi
}

show_overriding() {
  while IFS= read -r line; do
    case $line in *=*) ;; *) continue ;; esac
    squeeze "${line#*=}"
    value=$text
    squeeze "${line%%=*}"
    case $text in '#'* | ';'* | '') continue ;; esac
    case "$nl$kernel_settings$nl" in
      *"$nl$text = $value$nl"*) ;;
      *"$nl$text = "*) echo "/$1 sets $text = $value and is read later: change that line" ;;
    esac
  done <<END
$(lines "$1")
END
}

apply() {
  require_root apply
  read_record
  show_plan write
  [ -n "$writes" ] || return 0
  refuse_changed "$writes" 'apply would overwrite'
  refuse_links "$record/manifest $writes"
  confirm
  note_folders "$record/manifest"
  for path in $writes; do
    note_folders "$path"
    kind_of "$path" && continue
    kind=new
    if [ -e "$root/$path" ] || [ -L "$root/$path" ]; then
      kind=old
      copy_exact "$root/$path" "$root/$record/before/$path"
    fi
    recorded="$recorded$kind $path$nl"
  done
  for path in $writes; do
    build "$path"
    replace "$root/$record/after/$path" "$body"
  done
  list=$first_line$nl
  for path in $made; do list="${list}dir $path$nl"; done
  list=$list$recorded
  replace "$root/$record/manifest" "${list%"$nl"}"
  for path in $writes; do
    build "$path"
    replace "$root/$path" "$body"
  done
}

undo() {
  read_record
  [ -n "$recorded" ] || fail 8 'nothing to undo: nothing has been applied here' ''
  require_root undo
  list=''
  while read -r kind path; do list="$list $path"; done <<END
${recorded%"$nl"}
END
  refuse_changed "$list" 'undo would lose'
  refuse_links "$record/manifest $list"
  confirm
  if [ "$format" = tsv ]; then printf 'action\twhat\n'; fi
  for path in $list; do
    kind_of "$path"
    if [ "$kind" = old ]; then
      action=restore
      copy_exact "$root/$record/before/$path" "$root/$path.tmp"
      mv -f "$root/$path.tmp" "$root/$path" || cannot "$root/$path"
    else
      action=remove
      rm -f "$root/$path" || cannot "$root/$path"
    fi
    if [ "$format" = tsv ]; then printf '%s\t/%s\n' "$action" "$path"; else printf '%s /%s\n' "$action" "$path"; fi
  done
  rm -rf "${root:?}/$record" 2> /dev/null || cannot "$root/$record"
  reversed=''
  for path in $made; do reversed="$path $reversed"; done
  for path in $reversed; do rmdir "$root/$path" 2> /dev/null; done
  [ "$format" = tsv ] || echo 'running settings stay as they are until the host is restarted'
}

# --- command line ---

command='' root='' store='' format=text force=no yes=no
while [ $# -gt 0 ]; do
  case $1 in
    check | plan | apply | undo)
      [ -z "$command" ] || fail 2 "only one command can be given: $command or $1" 'os.sh --help'
      command=$1
      ;;
    --root=* | --store=* | --format=*)
      option=${1%%=*} value=${1#*=}
      shift
      set -- "$option" "$value" "$@"
      continue
      ;;
    --root | --store | --format)
      [ -n "${2:-}" ] || fail 2 "$1 needs a value" 'os.sh --help'
      case $1 in
        --root) root=$2 ;;
        --store) store=$2 ;;
        *) format=$2 ;;
      esac
      shift
      ;;
    --force) force=yes ;;
    --yes) yes=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail 2 "unknown word '$1'" 'os.sh --help' ;;
  esac
  shift
done
case $format in text | tsv) ;; *) fail 2 "invalid --format '$format': expected text or tsv" 'os.sh --help' ;; esac
case $store in '' | /*) ;; *) fail 2 "invalid --store '$store': expected an absolute path" 'os.sh --help' ;; esac
if [ -n "$root" ]; then
  [ -d "$root" ] || fail 4 "no such folder: $root" 'give the folder that holds etc, proc and sys of a host'
  root=$(CDPATH='' cd -- "$root" && pwd -P) || fail 1 "cannot enter the folder $root" ''
  [ "$root" != / ] || root=''
fi
if [ -z "$root" ] && [ -d "$store" ]; then store=$(CDPATH='' cd -- "$store" && pwd -P); fi

if [ "${command:-check}" != undo ]; then
  container=no virtual=no
  in_container && container=yes
  is_virtual && virtual=yes
  read_memory
  read_memory_limit
  read_cpu_limit
  items=$(all_items)
fi
case ${command:-check} in
  check) check ;;
  plan) show_plan 'would write' ;;
  apply) apply ;;
  undo) undo ;;
esac
